package main

import (
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what the scripts and goldens expect")

// TestMain makes scion-gen a command of the scripts, and of tests that need a
// process of their own.
func TestMain(m *testing.M) {
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
