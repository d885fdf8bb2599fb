package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// process is a program under way whose output goes to a file.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// spawn starts a program in the cluster's folder. It dies with this process.
func (c *Cluster) spawn(file string, args ...string) (*process, error) {
	name := filepath.Base(file)
	p := &process{cmd: exec.Command(file, args...), log: filepath.Join(c.dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = c.dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	c.janitor.watch(p.cmd.Process.Pid)
	go func() {
		p.cmd.Wait()
		c.janitor.forget(p.cmd.Process.Pid)
		close(p.done)
	}()
	return p, nil
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// trouble is why the process cannot be used, in the last words of its log.
func (p *process) trouble(what string) error {
	const enough = 4 << 10
	log, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s %s; the end of its log:\n%s", filepath.Base(p.log), what, bytes.TrimSpace(log[max(0, len(log)-enough):]))
}
