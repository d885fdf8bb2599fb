//go:build !unix

package main

import "os/exec"

// leadGroup does nothing: there are no process groups here.
func leadGroup(*exec.Cmd) {}

// killGroup ends the command. What it started goes on, without our pipes.
func killGroup(cmd *exec.Cmd) { cmd.Process.Kill() }
