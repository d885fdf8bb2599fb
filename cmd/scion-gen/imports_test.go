package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/scion-gen/scion-gen/"

// importRules say what a package and those it imports must not reach, and why.
var importRules = []struct {
	packages  string // a prefix below the module
	forbidden []string
	direct    bool // only the package's own imports count
	reason    string
}{
	{"pkg/", []string{"os", "os/exec", "os/user", "os/signal", "net", "net/http", "syscall"}, true,
		"packages are functions of their arguments; only cmd touches the operating system"},
	{"pkg/", []string{module + "cmd", module + "templates", module + "overlays"}, false,
		"libraries do not know the program, nor its built-in templates"},
	{"pkg/render", []string{module + "pkg/phasemap", "sigs.k8s.io/kustomize", "k8s.io/client-go"}, false,
		"rendering needs no cluster and no kustomize, and nothing of phases"},
	{"pkg/phasemap", []string{module + "pkg/render", module + "pkg/manifest", "sigs.k8s.io/kustomize", "k8s.io/client-go", "k8s.io/pod-security-admission"}, false,
		"a poller that imports phasemap must not compile anything but the API types"},
	{"pkg/diff", []string{module + "pkg/render", module + "pkg/phasemap", "sigs.k8s.io/kustomize", "k8s.io/client-go"}, false,
		"a diff takes any manifests, whoever made them"},
	{"pkg/credential", []string{module + "pkg", "k8s.io"}, false,
		"what looks like a credential is told from text alone"},
	{"pkg/manifest", []string{module + "pkg/render", module + "pkg/phasemap", "sigs.k8s.io/kustomize", "k8s.io/client-go"}, false,
		"manifests know nothing of agents"},
}

// The test exists because an import is a promise to every user of a library,
// and one line breaks it.
func TestImports(t *testing.T) {
	packages := listPackages(t)
	for _, rule := range importRules {
		seen := 0
		for _, p := range packages {
			if !strings.HasPrefix(p.ImportPath, module+rule.packages) {
				continue
			}
			seen++
			imports := p.Deps
			if rule.direct {
				imports = p.Imports
			}
			for _, name := range imports {
				if slices.ContainsFunc(rule.forbidden, func(f string) bool { return name == f || strings.HasPrefix(name, f+"/") && !rule.direct }) {
					t.Errorf("%s reaches %s: %s", p.ImportPath, name, rule.reason)
				}
			}
		}
		if seen == 0 {
			t.Errorf("no package below %s: the rule checks nothing", rule.packages)
		}
	}
}

type listedPackage struct {
	ImportPath    string
	Imports, Deps []string
}

func listPackages(t *testing.T) []listedPackage {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listedPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
