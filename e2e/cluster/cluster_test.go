package cluster

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asVictim makes the test's program start a cluster and wait for what comes.
const asVictim = "SCION_GEN_E2E_VICTIM"

// TestNothingStays: however a test ends, its cluster does, too.
func TestNothingStays(t *testing.T) {
	if os.Getenv(asVictim) != "" {
		victim(t)
	}
	for _, signal := range []syscall.Signal{
		syscall.SIGINT,  // Control-C
		syscall.SIGQUIT, // a Go program dies of it as of a panic or a timeout
		syscall.SIGKILL, // nothing of the program's own runs any more
	} {
		t.Run(signal.String(), func(t *testing.T) {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingStays$")
			c.Env = append(os.Environ(), asVictim+"=1")
			stdout, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			var dir string
			var etcd, server int
			if _, err := fmt.Fscan(bufio.NewReader(stdout), &dir, &etcd, &server); err != nil {
				t.Fatal(err)
			}
			c.Process.Signal(signal)
			c.Wait()
			awaitEnd(t, etcd)
			awaitEnd(t, server)
			awaitGone(t, dir)
		})
	}
}

func victim(t *testing.T) {
	c, err := Start(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(c.dir, c.etcd.cmd.Process.Pid, c.server.cmd.Process.Pid)
	select {}
}

const patience = 10 * time.Second

// awaitEnd waits until a process has ended. What became of its parent's child may
// stay a zombie where nobody reaps those.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		state, _ := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
		if s := strings.TrimSpace(string(state)); s == "" || strings.HasPrefix(s, "Z") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there: %s", pid, state)
		}
	}
}

func awaitGone(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(patience); gone(dir) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(gone(dir))
		}
	}
}
