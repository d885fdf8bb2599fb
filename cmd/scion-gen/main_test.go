package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what the scripts and goldens expect")

// TestMain makes scion-gen a command of the scripts, and of tests that need a
// process of their own; and the test binary one of the bad pollers that the
// conformance tests start.
func TestMain(m *testing.M) {
	if len(os.Args) >= 3 && os.Args[1] == asPoller {
		os.Exit(poll(os.Args[2], os.Args[3:]...))
	}
	testscript.Main(m, map[string]func(){"scion-gen": main})
}

// TestScript runs the command as a shell would: testdata/script/*.txt.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir) // no kubeconfig of whoever runs the tests
			return nil
		},
	})
}
