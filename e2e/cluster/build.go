package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// binaries are the programs of a control plane.
type binaries struct {
	kubernetes      string // the version
	etcd, apiserver string // the files
}

// build returns the programs of the versions in go.mod, from the user's cache
// or, the first time, from their modules' sources. It says on log what takes
// long.
func build(ctx context.Context, log io.Writer) (binaries, error) {
	const etcdModule, serverModule = "go.etcd.io/etcd/server/v3", "k8s.io/kubernetes"
	versions, err := moduleVersions(ctx, serverModule, etcdModule)
	if err != nil {
		return binaries{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return binaries{}, err
	}
	dir := filepath.Join(cache, "scion-gen-e2e", versions[0]+"-etcd-"+versions[1])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return binaries{}, err
	}
	b := binaries{versions[0], filepath.Join(dir, "etcd"), filepath.Join(dir, "kube-apiserver")}
	ldflags := "-s -w -X k8s.io/component-base/version.gitVersion=" + b.kubernetes
	return b, errors.Join(
		buildOnce(ctx, log, b.etcd, etcdModule, "-s -w"),
		buildOnce(ctx, log, b.apiserver, serverModule+"/cmd/kube-apiserver", ldflags),
	)
}

func moduleVersions(ctx context.Context, modules ...string) ([]string, error) {
	args := append([]string{"list", "-m", "-f", "{{.Version}}"}, modules...)
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("versions of the server's modules: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// buildOnce builds a program unless it is there. What is there is whole, as it
// gets its name last.
func buildOnce(ctx context.Context, log io.Writer, file, pkg, ldflags string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	fmt.Fprintf(log, "building %s, which takes minutes, once: %s\n", pkg, file)
	part := fmt.Sprintf("%s.%d", file, os.Getpid())
	defer os.Remove(part)
	c := exec.CommandContext(ctx, "go", "build", "-ldflags", ldflags, "-o", part, pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	c.Stdout, c.Stderr = log, log
	if err := c.Run(); err != nil {
		return fmt.Errorf("build %s: %w", pkg, err)
	}
	return os.Rename(part, file)
}
