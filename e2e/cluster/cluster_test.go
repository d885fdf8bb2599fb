package cluster

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asVictim makes the test's program start a cluster and wait for what comes.
const asVictim = "SCION_GEN_E2E_VICTIM"

// TestNothingStays: however a test ends, its cluster does, too, and what it has
// adopted. While it is there, nobody else reaches it.
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
			var etcd, server, adopted int
			if _, err := fmt.Fscan(bufio.NewReader(stdout), &dir, &etcd, &server, &adopted); err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS == "linux" {
				checkListeners(t, etcd, server)
			}
			c.Process.Signal(signal)
			c.Wait()
			awaitEnd(t, etcd)
			awaitEnd(t, server)
			awaitEnd(t, adopted)
			awaitGone(t, dir)
		})
	}
}

func victim(t *testing.T) {
	c, err := Start(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	sleep := exec.Command("sleep", "600")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	c.Adopt(sleep.Process)
	fmt.Println(c.dir, c.etcd.cmd.Process.Pid, c.server.cmd.Process.Pid, sleep.Process.Pid)
	select {}
}

// checkListeners: the server listens on loopback alone, and etcd on no network.
func checkListeners(t *testing.T, etcd, server int) {
	t.Helper()
	if all := listeners(t, etcd); len(all) > 0 {
		t.Errorf("etcd listens at %v", all)
	}
	all := listeners(t, server)
	if len(all) == 0 {
		t.Error("the server listens nowhere")
	}
	for _, ip := range all {
		if ip != "0100007F" && ip != "00000000000000000000000001000000" {
			t.Errorf("the server listens at %s", ip)
		}
	}
}

// listeners are the addresses at which a process listens, as /proc has them.
func listeners(t *testing.T, pid int) (addresses []string) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", pid)
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{}
	for _, f := range files {
		target, _ := os.Readlink(proc + "fd/" + f.Name())
		own[target] = true
	}
	for _, table := range []string{"tcp", "tcp6"} {
		data, _ := os.ReadFile(proc + "net/" + table) // there is none of a family that is off
		for line := range strings.Lines(string(data)) {
			const listens = "0A"
			if f := strings.Fields(line); len(f) > 9 && f[3] == listens && own["socket:["+f[9]+"]"] {
				ip, _, _ := strings.Cut(f[1], ":")
				addresses = append(addresses, ip)
			}
		}
	}
	return addresses
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
