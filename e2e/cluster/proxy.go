package cluster

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Proxy is a way to the API server on which each request is first shown to
// before, which may hold it. It returns a copy of kubeconfig that takes this way,
// and what ends it. Requests and answers are passed on as they are.
func (c *Cluster) Proxy(kubeconfig string, before func(*http.Request)) (through string, end func(), err error) {
	target, err := url.Parse(c.base)
	if err != nil {
		return "", nil, err
	}
	transport := c.http.Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // the server may be another one for the next request
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before(r)
		proxy.ServeHTTP(w, r)
	}))
	data, err := os.ReadFile(kubeconfig)
	if err != nil {
		server.Close()
		return "", nil, err
	}
	ca, through := kubeconfig+".crt", kubeconfig+".proxy"
	text := strings.NewReplacer(c.base, server.URL, filepath.Join(c.dir, certFile), ca).Replace(string(data))
	for file, data := range map[string][]byte{
		ca:      pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		through: []byte(text),
	} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			server.Close()
			return "", nil, err
		}
	}
	return through, server.Close, nil
}
