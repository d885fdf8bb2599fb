package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/e2e/cluster"
)

// object is a Kubernetes object, in JSON's types.
type object map[string]any

// at is the value at a path of fields; nil if there is none.
func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, field := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[field]
	}
	return v
}

func (o object) text(path ...string) string {
	s, _ := o.at(path...).(string)
	return s
}

func (o object) kind() string      { return o.text("kind") }
func (o object) name() string      { return o.text("metadata", "name") }
func (o object) namespace() string { return o.text("metadata", "namespace") }

func (o object) String() string { return o.kind() + " " + o.namespace() + "/" + o.name() }

func (o object) specJSON() string { return string(object{"spec": o["spec"]}.json()) }

func (o object) json() []byte {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // it came from JSON
	}
	return data
}

// manifest is an object as it is applied.
type manifest struct {
	object
	yaml []byte
}

// manifests are the documents of a stream; a stream without any is an error.
func manifests(stream []byte) ([]manifest, error) {
	var all []manifest
	for doc := range bytes.SplitSeq(stream, []byte("\n---\n")) {
		m := manifest{yaml: doc}
		if err := yaml.Unmarshal(doc, &m.object); err != nil {
			return nil, fmt.Errorf("%w:\n%s", err, doc)
		}
		if m.object != nil {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no manifests")
	}
	return all, nil
}

// readManifests reads a file.
func readManifests(t testing.TB, file string) []manifest {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := manifests(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

// collection is the path of the objects of o's kind beside o, as the server's
// discovery has it.
func collection(ctx context.Context, o object) (string, error) {
	version := o.text("apiVersion")
	root := "/apis/" + version
	if !strings.Contains(version, "/") {
		root = "/api/" + version
	}
	var list struct {
		Resources []struct {
			Name, Kind string
			Namespaced bool
		}
	}
	if err := server.Into(ctx, cluster.Request{Path: root}, &list); err != nil {
		return "", fmt.Errorf("%s: %w", version, err)
	}
	for _, r := range list.Resources {
		switch {
		case r.Kind != o.kind() || strings.Contains(r.Name, "/"):
		case r.Namespaced:
			return root + "/namespaces/" + o.namespace() + "/" + r.Name, nil
		default:
			return root + "/" + r.Name, nil
		}
	}
	return "", fmt.Errorf("the server has no %s of %s", o.kind(), version)
}

// apply does what a GitOps tool does at best: a server-side apply, strict about
// fields that the API does not have, and taking no field from anybody.
func apply(ctx context.Context, m manifest, more ...string) (cluster.Answer, error) {
	path, err := collection(ctx, m.object)
	if err != nil {
		return cluster.Answer{}, err
	}
	query := url.Values{"fieldManager": {"gitops"}, "fieldValidation": {"Strict"}, "force": {"false"}}
	for _, q := range more {
		key, value, _ := strings.Cut(q, "=")
		query.Set(key, value)
	}
	return server.Do(ctx, cluster.Request{
		Method: http.MethodPatch, Path: path + "/" + m.name(), Query: query,
		Type: "application/apply-patch+yaml", Body: m.yaml,
	})
}

// ensure applies what a cluster is expected to have.
func ensure(t testing.TB, o object) {
	t.Helper()
	if _, err := apply(t.Context(), manifest{o, o.json()}, "fieldManager=e2e", "force=true"); err != nil {
		t.Fatalf("%v: %v", o, err)
	}
}

// remove deletes an object now, whatever would hold it.
func remove(t testing.TB, o object) {
	t.Helper()
	path, err := collection(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	path += "/" + o.name()
	_, err = server.Do(t.Context(), cluster.Request{
		Method: http.MethodDelete, Path: path,
		Query: url.Values{"gracePeriodSeconds": {"0"}, "propagationPolicy": {"Background"}},
	})
	if err == nil {
		_, err = server.Do(t.Context(), cluster.Request{
			Method: http.MethodPatch, Path: path, Type: "application/merge-patch+json",
			Body: []byte(`{"metadata": {"finalizers": null}}`),
		})
	}
	if err != nil && !cluster.Refused(err, http.StatusNotFound) {
		t.Fatalf("remove %v: %v", o, err)
	}
}

// namespace makes a namespace that enforces a level of Pod Security, with the
// ServiceAccount that a controller would make.
func namespace(t testing.TB, name, level, version string) {
	t.Helper()
	security := object{}
	for _, mode := range []string{"enforce", "warn"} {
		security["pod-security.kubernetes.io/"+mode] = level
		security["pod-security.kubernetes.io/"+mode+"-version"] = version
	}
	o := newObject("v1", "Namespace", "", name)
	o["metadata"].(map[string]any)["labels"] = security
	ensure(t, o)
	ensure(t, serviceAccount(name, "default"))
}

func serviceAccount(namespace, name string) object {
	return newObject("v1", "ServiceAccount", namespace, name)
}

func newObject(apiVersion, kind, namespace, name string) object {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return object{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
}

// installDefinitions installs testdata/crds and waits until they are served.
func installDefinitions(ctx context.Context) error {
	data, err := os.ReadFile("testdata/crds.yaml")
	if err != nil {
		return err
	}
	definitions, err := manifests(data)
	if err != nil {
		return err
	}
	for _, d := range definitions {
		if _, err := apply(ctx, d); err != nil {
			return fmt.Errorf("%v: %w", d, err)
		}
	}
	for _, d := range definitions {
		if err := served(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// served waits until objects of a definition can be made.
func served(ctx context.Context, definition manifest) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	group, kind := definition.text("spec", "group"), definition.text("spec", "names", "kind")
	for _, v := range definition.at("spec", "versions").([]any) {
		version := object(v.(map[string]any)).text("name")
		probe := newObject(group+"/"+version, kind, "default", "probe")
		for {
			path, err := collection(ctx, probe)
			if err == nil {
				_, err = server.Do(ctx, cluster.Request{Path: path})
			}
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%v: %w", definition, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}
