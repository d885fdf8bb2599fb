// Command scion-gen turns declarative configuration of AI coding agents into
// Kubernetes manifests, and pods back into the phases of agents.
//
// The rules of all its output: stdout is data and nothing else, stderr is for
// people. A mistake in the input is one line, file:line:column: field: what is
// wrong; what would be right. Every mistake is reported in one run and nothing
// is written then. Colour only on a terminal, and never with NO_COLOR set.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is the release this is, or the one it will be.
const version = "v0.1.0"

// The exit codes, as diff and kubectl diff have them.
const (
	exitOK      = 0
	exitInput   = 1 // the input is wrong, or there are differences
	exitTrouble = 2 // usage, or trouble that is not the input's
)

// exitError ends the program with a code. An err of nil says that everything
// there was to say has been printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// inputError is for mistakes in what the user wrote: exit code 1.
func inputError(err error) error { return &exitError{exitInput, err} }

func main() {
	stderr := os.Stderr
	finish, err := warnOnce()
	if err != nil {
		fmt.Fprintln(stderr, err)
		os.Exit(exitTrouble)
	}
	code := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, stderr)
	finish()
	os.Exit(code)
}

// untilStopped is a context that ends with Ctrl-C and SIGTERM, for verbs that
// have something to do then. The others just end: a tree that was being written
// is put right by the next run.
func untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// run is the program with everything it touches handed in.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "scion-gen",
		Version:       version,
		Short:         "Kubernetes manifests for AI coding agents, and their phases",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(renderCommand(), kustomizeCommand(), explainCommand(), schemaCommand(), phaseCommand(), diffCommand(), conformanceCommand(), krmCommand(), initCommand())
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	exit, known := errors.AsType[*exitError](err)
	if !known {
		exit = &exitError{exitTrouble, err}
	}
	if exit.err != nil {
		fmt.Fprintln(stderr, exit.err)
	}
	return exit.code
}
