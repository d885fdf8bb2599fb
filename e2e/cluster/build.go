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
	"syscall"
)

// binaries are the files of a control plane's programs.
type binaries struct{ etcd, apiserver string }

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
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return binaries{}, err
	}
	defer unlock()
	b := binaries{filepath.Join(dir, "etcd"), filepath.Join(dir, "kube-apiserver")}
	ldflags := "-s -w -X k8s.io/component-base/version.gitVersion=" + versions[0]
	return b, errors.Join(
		buildOnce(ctx, log, b.etcd, etcdModule, "-s -w"),
		buildOnce(ctx, log, b.apiserver, serverModule+"/cmd/kube-apiserver", ldflags),
	)
}

// lock waits until no other process builds.
func lock(file string) (unlock func() error, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
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
	part := file + ".part"
	defer os.Remove(part)
	c := exec.CommandContext(ctx, "go", "build", "-ldflags", ldflags, "-o", part, pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	c.Stdout, c.Stderr = log, log
	if err := c.Run(); err != nil {
		return fmt.Errorf("build %s: %w", pkg, err)
	}
	return os.Rename(part, file)
}
