package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
)

// apiServer speaks what a Kubernetes API server speaks of Pods: lists in pages,
// watches from a version, both in JSON or protobuf, by label and namespace. It
// keeps every event since its start, or since it was told to forget.
type apiServer struct {
	t    *testing.T
	http *httptest.Server

	mu       sync.Mutex
	version  int
	oldest   int // watches from before it are answered with 410
	pods     map[string]*corev1.Pod
	events   []storedEvent
	changed  chan struct{} // closed at each change
	faults   []fault
	requests []string // the query of each, with the content type of the answer
	jsonOnly bool
	noStream bool // refuses sendInitialEvents, as servers before 1.32 do
}

type storedEvent struct {
	version int
	kind    watch.EventType
	pod     *corev1.Pod
}

// fault is what goes wrong with one request: the first that asks for it.
type fault struct {
	of string // list, continue or watch
	do func(s *apiServer, w http.ResponseWriter, r *http.Request)
}

func newAPIServer(t *testing.T, pods ...*corev1.Pod) *apiServer {
	s := &apiServer{t: t, version: 100, pods: map[string]*corev1.Pod{}, changed: make(chan struct{})}
	s.http = httptest.NewServer(s)
	t.Cleanup(func() {
		s.http.CloseClientConnections()
		s.http.Close()
	})
	for _, p := range pods {
		s.apply(p)
	}
	return s
}

// fail makes the next request of the kind go wrong.
func (s *apiServer) fail(of string, do func(*apiServer, http.ResponseWriter, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fault{of, do})
}

// apply creates or updates a Pod.
func (s *apiServer) apply(pod *corev1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := pod.Namespace + "/" + pod.Name
	kind := watch.Modified
	if s.pods[key] == nil {
		kind = watch.Added
	}
	pod = pod.DeepCopy()
	s.store(kind, pod)
	s.pods[key] = pod
}

// delete removes a Pod.
func (s *apiServer) delete(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := namespace + "/" + name
	pod := s.pods[key].DeepCopy()
	delete(s.pods, key)
	s.store(watch.Deleted, pod)
}

func (s *apiServer) store(kind watch.EventType, pod *corev1.Pod) {
	s.version++
	pod.ResourceVersion = strconv.Itoa(s.version)
	s.events = append(s.events, storedEvent{s.version, kind, pod})
	close(s.changed)
	s.changed = make(chan struct{})
}

// forget drops the history, as etcd does when it compacts.
func (s *apiServer) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.oldest = s.version
	s.events = nil
}

// seen returns how many requests contain all of the words.
func (s *apiServer) seen(words ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(r, w) }) {
			n++
		}
	}
	return n
}

// kubeconfig is a file that names this server.
func (s *apiServer) kubeconfig() string {
	file := filepath.Join(s.t.TempDir(), "config")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test, namespace: team-a}}]
clusters: [{name: test, cluster: {server: %q}}]
users: [{name: test, user: {token: t}}]
`, s.http.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// ServeHTTP implements http.Handler.
func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	kind := "list"
	switch {
	case q.Get("watch") != "":
		kind = "watch"
	case q.Get("continue") != "":
		kind = "continue"
	}
	s.mu.Lock()
	s.requests = append(s.requests, kind+" "+r.URL.RequestURI()+" accept="+r.Header.Get("Accept"))
	i := slices.IndexFunc(s.faults, func(f fault) bool { return f.of == kind })
	var broken fault
	if i >= 0 {
		broken = s.faults[i]
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	s.mu.Unlock()
	switch {
	case broken.do != nil:
		broken.do(s, w, r)
	case kind == "watch":
		s.serveWatch(w, r)
	default:
		s.serveList(w, r)
	}
}

// match reports whether a request is about pod.
func match(r *http.Request, pod *corev1.Pod) bool {
	namespace := ""
	if rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1/namespaces/"); ok {
		namespace = strings.TrimSuffix(rest, "/pods")
	}
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	return err == nil && (namespace == "" || namespace == pod.Namespace) && selector.Matches(labels.Set(pod.Labels))
}

func (s *apiServer) matching(r *http.Request) []*corev1.Pod {
	var pods []*corev1.Pod
	for _, key := range slices.Sorted(maps.Keys(s.pods)) {
		if match(r, s.pods[key]) {
			pods = append(pods, s.pods[key])
		}
	}
	return pods
}

func (s *apiServer) serveList(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	pods := s.matching(r)
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(s.version)}}
	s.mu.Unlock()
	if after := r.URL.Query().Get("continue"); after != "" {
		i, _ := slices.BinarySearchFunc(pods, after, func(p *corev1.Pod, key string) int {
			return strings.Compare(p.Namespace+"/"+p.Name, key)
		})
		pods = pods[i:]
	}
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && 0 < limit && limit < len(pods) {
		list.Continue = pods[limit].Namespace + "/" + pods[limit].Name
		pods = pods[:limit]
	}
	for _, p := range pods {
		list.Items = append(list.Items, *p)
	}
	s.answer(w, r, http.StatusOK, list)
}

// answer writes an object in the form asked for.
func (s *apiServer) answer(w http.ResponseWriter, r *http.Request, code int, obj runtime.Object) {
	info := s.form(r)
	w.Header().Set("Content-Type", info.MediaType)
	w.WriteHeader(code)
	encoder := podCodecs.EncoderForVersion(info.Serializer, corev1.SchemeGroupVersion)
	if err := encoder.Encode(obj, w); err != nil {
		s.t.Errorf("encode: %v", err)
	}
}

// status answers with an error, as an API server words it.
func (s *apiServer) status(w http.ResponseWriter, r *http.Request, code int, reason metav1.StatusReason, message string) {
	s.answer(w, r, code, failure(code, reason, message))
}

func failure(code int, reason metav1.StatusReason, message string) *metav1.Status {
	return &metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message}
}

var podCodecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	return serializer.NewCodecFactory(scheme)
}()

// form is the serializer that the request prefers.
func (s *apiServer) form(r *http.Request) runtime.SerializerInfo {
	media := runtime.ContentTypeJSON
	if !s.jsonOnly && strings.HasPrefix(r.Header.Get("Accept"), runtime.ContentTypeProtobuf) {
		media = runtime.ContentTypeProtobuf
	}
	info, ok := runtime.SerializerInfoForMediaType(podCodecs.SupportedMediaTypes(), media)
	if !ok {
		s.t.Fatalf("no serializer for %s", media)
	}
	return info
}

// watchStream writes the events of one watch.
type watchStream struct {
	s    *apiServer
	w    http.ResponseWriter
	info runtime.SerializerInfo
}

func (s *apiServer) stream(w http.ResponseWriter, r *http.Request) watchStream {
	info := s.form(r)
	w.Header().Set("Content-Type", info.MediaType+";stream=watch")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	return watchStream{s, w, info}
}

// frame is the event in bytes.
func (ws watchStream) frame(kind watch.EventType, obj runtime.Object) []byte {
	var object, event bytes.Buffer
	if err := podCodecs.EncoderForVersion(ws.info.Serializer, corev1.SchemeGroupVersion).Encode(obj, &object); err != nil {
		ws.s.t.Errorf("encode: %v", err)
	}
	e := &metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: object.Bytes()}}
	framed := ws.info.StreamSerializer.Framer.NewFrameWriter(&event)
	if err := podCodecs.EncoderForVersion(ws.info.StreamSerializer.Serializer, corev1.SchemeGroupVersion).Encode(e, framed); err != nil {
		ws.s.t.Errorf("encode: %v", err)
	}
	return event.Bytes()
}

func (ws watchStream) send(kind watch.EventType, obj runtime.Object) {
	ws.w.Write(ws.frame(kind, obj))
	ws.w.(http.Flusher).Flush()
}

// bookmark tells the client a version, and that the Pods that there were are
// all sent if initial.
func (ws watchStream) bookmark(version int, initial bool) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(version)}}
	if initial {
		pod.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	ws.send(watch.Bookmark, pod)
}

func (s *apiServer) serveWatch(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	initial := q.Get("sendInitialEvents") == "true"
	if initial && s.noStream {
		s.status(w, r, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch")
		return
	}
	from, _ := strconv.Atoi(q.Get("resourceVersion"))
	s.mu.Lock()
	expired := from != 0 && from < s.oldest
	var pods []*corev1.Pod
	if initial {
		pods, from = s.matching(r), s.version
	}
	s.mu.Unlock()
	stream := s.stream(w, r)
	if expired && !initial {
		message := fmt.Sprintf("too old resource version: %d (%d)", from, s.oldest)
		stream.send(watch.Error, failure(http.StatusGone, metav1.StatusReasonExpired, message))
		return
	}
	for _, p := range pods {
		stream.send(watch.Added, p)
	}
	if initial {
		stream.bookmark(from, true)
	}
	stream.follow(r, from)
}

// follow sends what happens after a version until the client leaves.
func (ws watchStream) follow(r *http.Request, from int) {
	for {
		ws.s.mu.Lock()
		events, changed := slices.Clone(ws.s.events), ws.s.changed
		ws.s.mu.Unlock()
		for _, e := range events {
			if e.version > from && match(r, e.pod) {
				ws.send(e.kind, e.pod)
			}
			from = max(from, e.version)
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// The faults.

func answers(code int, reason metav1.StatusReason, message string) func(*apiServer, http.ResponseWriter, *http.Request) {
	return func(s *apiServer, w http.ResponseWriter, r *http.Request) { s.status(w, r, code, reason, message) }
}

// tooManyRequests asks to come back in a second.
func tooManyRequests(s *apiServer, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	s.status(w, r, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "slow down")
}

// cutMidEvent sends half of an event and drops the connection.
func cutMidEvent(s *apiServer, w http.ResponseWriter, r *http.Request) {
	stream := s.stream(w, r)
	event := stream.frame(watch.Added, testPod("team-a", "half", provisioning))
	w.Write(event[:len(event)/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// garbage answers 200 with what is no Kubernetes at all, as a captive portal.
func garbage(_ *apiServer, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	io.WriteString(w, "<html>Please log in</html>")
}

// drip answers a byte a moment, for ever.
func drip(_ *apiServer, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	for {
		io.WriteString(w, " ")
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
