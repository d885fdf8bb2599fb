package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// janitor cleans up after this process, however that ends: a panic, a test's
// timeout and SIGKILL run no cleanup of its own. It is a shell that reads which
// processes to kill from a pipe, and acts when the pipe is closed.
type janitor struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser

	mu   sync.Mutex
	pids []int
}

// The shell is in a process group of its own, and so survives Control-C. What is
// killed may still write for a moment.
const janitorScript = `
while read -r line; do pids=$line; done
[ -z "$pids" ] || kill -KILL $pids
rm -rf "$0" || { sleep 1; rm -rf "$0"; }
`

// hire starts the janitor of dir.
func hire(dir string) (*janitor, error) {
	c := exec.Command("sh", "-c", janitorScript, dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &janitor{cmd: c, pipe: pipe}, c.Start()
}

func (j *janitor) watch(pid int) { j.tell(func() { j.pids = append(j.pids, pid) }) }

// forget is for a process that has ended, whose id may be another's soon.
func (j *janitor) forget(pid int) {
	j.tell(func() { j.pids = slices.DeleteFunc(j.pids, func(p int) bool { return p == pid }) })
}

func (j *janitor) tell(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
	fmt.Fprintln(j.pipe, strings.Trim(fmt.Sprint(j.pids), "[]"))
}

// finish has what is left killed and removed.
func (j *janitor) finish() error {
	return errors.Join(j.pipe.Close(), j.cmd.Wait(), gone(j.cmd.Args[3]))
}

func gone(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s is still there", dir)
	}
	return nil
}
