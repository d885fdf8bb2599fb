package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/podstream"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// watchCluster shows the agents of a cluster, then each change, until ctx is
// done. An informer keeps the watch alive: it lists again after an expiry, and
// goes on after whatever the server or the network does.
func (r *phaseRun) watchCluster(ctx context.Context) error {
	client, err := r.newPodClient()
	if err != nil {
		return err
	}
	// An informer tries for ever. What will not get better by it is found here.
	if _, err := client.list(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		return fmt.Errorf("list Pods: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed := podFeed{make(chan podEvent), ctx, client.namespace}
	synced, err := feed.start(client, r.stderr)
	if err != nil {
		return err
	}
	return newObserver(r).follow(feed, synced)
}

// podEvent is what happened to one Pod.
type podEvent struct {
	doc  phasemap.Document
	gone bool
}

// podFeed is an informer as a channel.
type podFeed struct {
	events    chan podEvent
	ctx       context.Context
	namespace string // empty for all
}

// start runs the informer. The channel it returns is closed once all Pods that
// there were have been sent.
func (f podFeed) start(client *podClient, stderr io.Writer) (synced <-chan struct{}, err error) {
	say := complain(stderr)
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			return client.list(ctx, opts)
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			w, err := client.watch(ctx, opts)
			if refused, ok := errors.AsType[*url.Error](err); ok && utilnet.IsConnectionRefused(err) {
				say(ctx, nil, refused.Err) // of which the informer says nothing, however long it lasts
			}
			return w, err
		},
	}
	informer := cache.NewSharedIndexInformerWithOptions(lw, &corev1.Pod{}, cache.SharedIndexInformerOptions{})
	registration, err := informer.AddEventHandler(f)
	if err != nil {
		return nil, err
	}
	if err := informer.SetTransform(trimmed); err != nil {
		return nil, err
	}
	if err := informer.SetWatchErrorHandlerWithContext(say); err != nil {
		return nil, err
	}
	go informer.RunWithContext(f.ctx)
	return registration.HasSyncedChecker().Done(), nil
}

// trimmed is what the cache keeps of a Pod.
func trimmed(obj any) (any, error) {
	if pod, ok := obj.(*corev1.Pod); ok {
		podstream.Trim(pod)
	}
	return obj, nil
}

// complain says why the watch is interrupted, once for each reason in a row.
func complain(stderr io.Writer) cache.WatchErrorHandlerWithContext {
	var last string
	return func(ctx context.Context, _ *cache.Reflector, err error) {
		if text := err.Error(); err != io.EOF && text != last && ctx.Err() == nil {
			last = text
			fmt.Fprintf(stderr, "%v; trying again\n", err)
		}
	}
}

// OnAdd, OnUpdate and OnDelete implement cache.ResourceEventHandler.
func (f podFeed) OnAdd(obj any, _ bool) { f.send(obj, false) }
func (f podFeed) OnUpdate(_, obj any)   { f.send(obj, false) }
func (f podFeed) OnDelete(obj any)      { f.send(obj, true) }

func (f podFeed) send(obj any, gone bool) {
	if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = d.Obj
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	select {
	case f.events <- podEvent{phasemap.Document{Pod: pod}, gone}:
	case <-f.ctx.Done():
	}
}

// observer turns what happens to Pods into the changes of agents.
type observer struct {
	run     *phaseRun
	tracker phasemap.Tracker
	pods    map[types.NamespacedName]*observed
}

// observed is a Pod, and what was said of it.
type observed struct {
	doc      phasemap.Document
	status   phasemap.Status // the last
	shown    phasemap.Status // zero before the first
	vanished time.Time       // zero as long as there is a Pod
}

// tick is how often graces are looked at, which are whole seconds.
const tick = time.Second

func newObserver(r *phaseRun) *observer {
	// A hub takes an error as final, a person does not: nothing is held back
	// unless a flag says so.
	hold := cmp.Or(r.hold, new(phasemap.Seconds(0)))
	return &observer{
		run:     r,
		tracker: phasemap.Tracker{ErrorHold: hold},
		pods:    map[types.NamespacedName]*observed{},
	}
}

// follow shows what the feed says until its context is done.
func (o *observer) follow(feed podFeed, synced <-chan struct{}) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	live := false // all Pods that there were are known
	for {
		var err error
		select {
		case <-feed.ctx.Done():
			return nil
		case <-synced:
			live, synced = true, nil
			err = o.begin(feed.namespace)
		case e := <-feed.events:
			name := o.take(e.doc, e.gone, time.Now())
			if live {
				err = o.report(name, time.Now())
			}
		case now := <-ticker.C:
			if live {
				err = o.look(now)
			}
		}
		if err != nil {
			return err
		}
	}
}

// begin shows what there was when the watch began.
func (o *observer) begin(namespace string) error {
	if err := o.look(time.Now()); err != nil {
		return err
	}
	if err := o.run.showDeclared(namespace); err != nil {
		return err
	}
	return o.run.out.flush()
}

// object shows what one object of a stream changes.
func (o *observer) object(obj podstream.Object, now time.Time) error {
	return o.report(o.take(obj.Document, obj.Event == "DELETED", now), now)
}

// take notes what happened to a Pod.
func (o *observer) take(doc phasemap.Document, gone bool, now time.Time) types.NamespacedName {
	name := types.NamespacedName{Namespace: doc.Pod.Namespace, Name: doc.Pod.Name}
	p := o.pods[name]
	if p != nil && p.doc.Pod.UID != doc.Pod.UID { // started again under its old name
		o.tracker.Forget(p.doc.Pod.UID)
		p = nil
	}
	if p == nil {
		p = &observed{}
		o.pods[name] = p
	}
	p.doc, p.vanished = doc, time.Time{}
	p.status = o.tracker.Observe(doc.Pod.UID, doc.Map(o.run.mapping, now), now)
	if gone {
		p.vanished = now
	}
	return name
}

// look shows every agent that has changed, be it by time alone.
func (o *observer) look(now time.Time) error {
	names := slices.SortedFunc(maps.Keys(o.pods), func(a, b types.NamespacedName) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, name := range names {
		if err := o.show(name, now); err != nil {
			return err
		}
	}
	return o.run.out.flush()
}

// report shows one agent if it has changed.
func (o *observer) report(name types.NamespacedName, now time.Time) error {
	if err := o.show(name, now); err != nil {
		return err
	}
	return o.run.out.flush()
}

func (o *observer) show(name types.NamespacedName, now time.Time) error {
	p := o.pods[name]
	status, settled := o.judge(p, now)
	if !p.vanished.IsZero() && settled {
		o.tracker.Forget(p.doc.Pod.UID)
		delete(o.pods, name)
	}
	if !settled || !news(p.shown, status) {
		return nil
	}
	p.shown = status
	return o.run.show(agentOf(p.doc.Pod, status))
}

// judge is the status of p now. It is not settled while a Pod that vanished may
// come back.
func (o *observer) judge(p *observed, now time.Time) (status phasemap.Status, settled bool) {
	if p.vanished.IsZero() {
		p.status = o.tracker.Observe(p.doc.Pod.UID, p.doc.Map(o.run.mapping, now), now)
		return p.status, true
	}
	gone := phasemap.Seconds(now.Sub(p.vanished) / time.Second)
	status = phasemap.MapAbsent(phasemap.Absence{Last: &p.status, For: &gone}, o.run.mapping)
	return status, status.Rule != "PM005"
}

// news reports whether a Status is worth a line after another. Counters and
// times go by in messages; and of what has ended, only the phase is still news:
// the deletion of its Pod says nothing more.
func news(before, now phasemap.Status) bool {
	if before.Terminal && before.Phase == now.Phase {
		return false
	}
	before.Message, now.Message = "", ""
	return before != now
}
