// Package cluster runs a Kubernetes control plane of etcd and kube-apiserver on
// loopback, for tests: what it accepts, every cluster of its version does.
//
// There are no controllers, no scheduler and no kubelet. Tests do what those
// would: a Pod needs a ServiceAccount made by hand, and stays as it is until
// somebody writes its status.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Cluster is a control plane under way.
type Cluster struct {
	*Client // of an administrator

	binaries binaries
	dir      string
	port     int
	ca       []byte // PEM
	token    string
	janitor  *janitor
	etcd     *process
	server   *process
}

// readyWithin is many times what a start takes on a busy machine.
const readyWithin = 2 * time.Minute

// Start starts a cluster and waits until it is ready. The first time on a
// machine it builds the programs, and says so on log. Whatever becomes of this
// process, those of the cluster end with it and its folder is removed.
func Start(ctx context.Context, log io.Writer) (*Cluster, error) {
	b, err := build(ctx, log)
	if err != nil {
		return nil, err
	}
	c := &Cluster{binaries: b}
	if c.dir, err = os.MkdirTemp("", "scion-gen-e2e-"); err != nil {
		return nil, err
	}
	if c.janitor, err = hire(c.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) (err error) {
	if err := c.writeFiles(); err != nil {
		return err
	}
	if c.port, err = freePort(); err != nil {
		return err
	}
	if c.Client, err = c.As(c.token); err != nil {
		return err
	}
	if c.etcd, err = c.spawn(c.binaries.etcd, etcdArgs()...); err != nil {
		return err
	}
	return c.StartServer(ctx)
}

// Stop ends all processes and removes the folder.
func (c *Cluster) Stop() error {
	err := c.janitor.finish()
	for _, p := range []*process{c.etcd, c.server} {
		if p != nil {
			<-p.done
		}
	}
	return err
}

// Dir is a folder that is removed with the cluster.
func (c *Cluster) Dir() string { return c.dir }

// Adopt has a process killed when this one ends without having done so. The
// function it returns is to be called once the process has ended by itself.
func (c *Cluster) Adopt(p *os.Process) (ended func()) {
	c.janitor.watch(p.Pid)
	return func() { c.janitor.forget(p.Pid) }
}

// KillServer kills the API server as the kernel would: connections are cut,
// nothing is said.
func (c *Cluster) KillServer() { c.server.kill() }

// StartServer starts the API server where it was, and waits until it is ready.
func (c *Cluster) StartServer(ctx context.Context) (err error) {
	if c.server, err = c.spawn(c.binaries.apiserver, c.serverArgs()...); err != nil {
		return err
	}
	return c.waitReady(ctx)
}

func (c *Cluster) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		if _, err := c.Do(ctx, Request{Path: "/readyz"}); err == nil {
			return nil
		}
		select {
		case <-c.etcd.done:
			return c.etcd.trouble("ended")
		case <-c.server.done:
			return c.server.trouble("ended")
		case <-ctx.Done():
			return c.server.trouble("is not ready")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// etcdSocket is relative to the folder of the cluster, where both programs run.
// etcd wants a URL of host and port, and makes a file of that name.
const etcdSocket = "localhost:1"

func etcdArgs() []string {
	return []string{
		"--data-dir=etcd",
		"--listen-client-urls=unix://" + etcdSocket,
		"--advertise-client-urls=unix://" + etcdSocket,
		"--listen-peer-urls=unix://localhost:2",
		"--initial-advertise-peer-urls=unix://localhost:2",
		"--initial-cluster=default=unix://localhost:2",
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func (c *Cluster) serverArgs() []string {
	return []string{
		"--etcd-servers=unix://" + etcdSocket,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", // it refuses loopback
		"--secure-port=" + strconv.Itoa(c.port),
		"--tls-cert-file=" + certFile,
		"--tls-private-key-file=" + keyFile,
		"--cert-dir=certs",
		"--service-cluster-ip-range=10.0.0.0/24,fd00::/108",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + keyFile,
		"--service-account-signing-key-file=" + keyFile,
		"--token-auth-file=" + tokenFile,
		"--anonymous-auth=false",
		"--authorization-mode=RBAC",
		"--enable-admission-plugins=PodSecurity",
		"--allow-privileged", // so that Pod Security alone decides
		"--profiling=false",
		"--audit-policy-file=" + auditPolicyFile,
		"--audit-log-path=" + auditFile,
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Compact drops etcd's history before the present revision: a watch from before
// has expired once the API server's own memory of it is gone, too.
func (c *Cluster) Compact(ctx context.Context) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(c.dir, etcdSocket))
	}
	etcd := &Client{base: "http://etcd", http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
	post := func(path, body string) (answer struct{ Header struct{ Revision string } }, err error) {
		return answer, etcd.Into(ctx, Request{Method: http.MethodPost, Path: path, Body: []byte(body)}, &answer)
	}
	now, err := post("/v3/kv/range", `{"key": "AA==", "range_end": "AA==", "count_only": true}`)
	if err != nil {
		return err
	}
	_, err = post("/v3/kv/compaction", fmt.Sprintf(`{"revision": %q, "physical": true}`, now.Header.Revision))
	return err
}

// Kubeconfig writes a file by which the bearer of token finds the cluster, in a
// namespace.
func (c *Cluster) Kubeconfig(token, namespace string) (file string, err error) {
	f, err := os.CreateTemp(c.dir, "kubeconfig-")
	if err != nil {
		return "", err
	}
	defer f.Close()
	r := strings.NewReplacer("SERVER", c.base, "CA", filepath.Join(c.dir, certFile), "TOKEN", token, "NAMESPACE", namespace)
	_, err = r.WriteString(f, `apiVersion: v1
kind: Config
current-context: e2e
contexts: [{name: e2e, context: {cluster: e2e, user: e2e, namespace: "NAMESPACE"}}]
clusters: [{name: e2e, cluster: {server: "SERVER", certificate-authority: "CA"}}]
users: [{name: e2e, user: {token: "TOKEN"}}]
`)
	return f.Name(), err
}
