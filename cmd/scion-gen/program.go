package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/scion-gen/scion-gen/pkg/conformance"
)

// program starts a command as a poller.
func program(args []string) conformance.Start {
	return func() (*conformance.Process, error) {
		var p pipes
		if err := p.open(); err != nil {
			return nil, err
		}
		cmd := exec.Command(args[0], args[1:]...)
		mark := "SCION_GEN_POLLER_" + rand.Text() + "="
		cmd.Env = append(os.Environ(), mark)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = p.childIn, p.childOut, p.childErr
		leadGroup(cmd)
		err := cmd.Start()
		p.closeChild()
		if err != nil {
			p.closeOurs()
			return nil, err
		}
		return p.process(cmd, mark), nil
	}
}

// pipes are both ends of a process's three streams. They are files rather than
// what exec would make of readers and writers: exec waits for such a stream to
// end, and a grandchild that keeps it open would hold up the wait for ever.
type pipes struct {
	childIn, in   *os.File
	out, childOut *os.File
	err, childErr *os.File
}

func (p *pipes) open() (err error) {
	for _, ends := range [][2]**os.File{{&p.childIn, &p.in}, {&p.out, &p.childOut}, {&p.err, &p.childErr}} {
		if *ends[0], *ends[1], err = os.Pipe(); err != nil {
			p.closeChild()
			p.closeOurs()
			return err
		}
	}
	return nil
}

func (p *pipes) closeChild() { p.childIn.Close(); p.childOut.Close(); p.childErr.Close() }
func (p *pipes) closeOurs()  { p.in.Close(); p.out.Close(); p.err.Close() }

// process is the started command as the runner wants it. It has the mark in its
// environment, as has all that it starts.
func (p *pipes) process(cmd *exec.Cmd, mark string) *conformance.Process {
	var stderr tail
	copied := make(chan struct{})
	go func() {
		io.Copy(&stderr, p.err)
		close(copied)
	}()
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	end := sync.OnceValue(func() conformance.Exit {
		exit := conformance.Exit{Code: -1}
		select {
		case <-exited:
			exit.Code, exit.State = cmd.ProcessState.ExitCode(), cmd.ProcessState.String()
		default:
		}
		killGroup(cmd)
		killMarked(mark)
		select { // what lost the mark may keep stderr open
		case <-copied:
		case <-time.After(100 * time.Millisecond):
		}
		p.closeOurs()
		<-exited
		exit.Stderr = stderr.String()
		return exit
	})
	return &conformance.Process{Stdin: p.in, Stdout: p.out, Exited: exited, End: end}
}

// killMarked ends the processes that have a mark in their environment, where
// there is /proc: what left the group of the poller, as daemons do. It looks
// again until it finds none, as they may start others meanwhile, but not for
// ever.
func killMarked(mark string) {
	for range 20 {
		found := false
		names, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well formed
		for _, name := range names {
			found = killIfMarked(name, mark) || found
		}
		if !found {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// killIfMarked holds on to the process before it looks, so that it is not
// another one of the same number that is ended.
func killIfMarked(environ, mark string) bool {
	pid, err := strconv.Atoi(filepath.Base(filepath.Dir(environ)))
	if err != nil {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer process.Release()
	data, err := os.ReadFile(environ)
	if err != nil || !bytes.Contains(data, []byte(mark)) {
		return false
	}
	process.Kill()
	return true
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 2 << 10

func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, data...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(data), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
