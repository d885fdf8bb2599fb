//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// leadGroup makes the command the leader of a process group, so that what it
// starts can be ended with it.
func leadGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup ends the command and what it started.
func killGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
