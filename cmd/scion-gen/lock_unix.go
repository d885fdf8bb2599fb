//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// lock waits until no other run writes to the directory. The lock is on the
// directory itself: nothing is left behind, and the system drops it when the
// process ends in whatever way.
func lock(root *os.Root) (unlock func(), err error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		dir.Close()
		return nil, fmt.Errorf("lock: %w", err)
	}
	return func() { dir.Close() }, nil
}
