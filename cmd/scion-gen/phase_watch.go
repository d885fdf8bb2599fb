package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/podstream"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
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
		return notListed(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed := podFeed{ctx: ctx, events: make(chan podEvent), namespace: client.namespace}
	if feed.synced, err = startInformer(client, informed{feed}, r.stderr); err != nil {
		return err
	}
	return newObserver(r).follow(feed)
}

// podFeed is where a watch gets its events from.
type podFeed struct {
	ctx       context.Context
	events    chan podEvent   // closed at the end, which only a pipe has
	piped     bool            // nobody closes synced
	synced    <-chan struct{} // closed once all Pods that there were have been sent
	namespace string          // empty for all
}

// send hands on an event unless nobody wants it any more.
func (f podFeed) send(e podEvent) error {
	select {
	case f.events <- e:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// startInformer runs an informer. The channel it returns is closed once all Pods
// that there were have been sent.
func startInformer(client *podClient, f informed, stderr io.Writer) (synced <-chan struct{}, err error) {
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
	go informer.RunWithContext(f.feed.ctx)
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
			fmt.Fprintf(stderr, "%s; trying again\n", oneLine(text))
		}
	}
}

// informed sends what an informer says to a feed.
type informed struct{ feed podFeed }

// OnAdd, OnUpdate and OnDelete implement cache.ResourceEventHandler.
func (f informed) OnAdd(obj any, _ bool) { f.send(obj, false) }
func (f informed) OnUpdate(_, obj any)   { f.send(obj, false) }
func (f informed) OnDelete(obj any)      { f.send(obj, true) }

func (f informed) send(obj any, gone bool) {
	if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = d.Obj
	}
	if pod, ok := obj.(*corev1.Pod); ok {
		f.feed.send(podEvent{doc: phasemap.Document{Pod: pod}, gone: gone}) // its error is that the watch is over
	}
}

// tick is how often graces are looked at, which are whole seconds.
const tick = time.Second

// A pipe does not say when all Pods that there were have come. A pause says so,
// or, if nothing comes at all, the time in which kubectl would have begun.
const (
	pause   = 500 * time.Millisecond
	silence = 10 * time.Second
)

// follow shows what the feed says until it ends or its context is done.
func (o *observer) follow(feed podFeed) error {
	ticker, quiet := time.NewTicker(tick), time.NewTimer(silence)
	defer ticker.Stop()
	defer quiet.Stop()
	for {
		var err error
		select {
		case <-feed.ctx.Done():
			return nil
		case <-feed.synced:
			feed.synced = nil
			err = o.begin(feed.namespace)
		case e, more := <-feed.events:
			if !more {
				return o.end(feed.namespace)
			}
			quiet.Reset(pause)
			err = o.event(e, feed)
		case <-quiet.C:
			if feed.piped && !o.begun {
				err = o.begin(feed.namespace)
			}
		case <-ticker.C:
			if o.begun {
				err = o.look(o.run.clock.now())
			}
		}
		if err != nil {
			return err
		}
	}
}

// event shows what one event changes.
func (o *observer) event(e podEvent, feed podFeed) error {
	// What there was comes once: the first news is about a Pod that came before.
	if feed.piped && !o.begun && o.isNews(e) {
		if err := o.begin(feed.namespace); err != nil {
			return err
		}
	}
	now := o.run.clock.now()
	a := o.take(e, now)
	if a == nil || !o.begun {
		return nil
	}
	return o.report(a, now)
}

// isNews reports whether something happened to a Pod, rather than that it is
// there.
func (o *observer) isNews(e podEvent) bool {
	return e.err == nil && (e.gone || o.pods[podKey(e.doc.Pod)] != nil)
}
