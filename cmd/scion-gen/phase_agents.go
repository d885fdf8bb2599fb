package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
	"unique"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// agentName tells one agent from another by the labels of its Pods, since one
// agent may have many: those of a Job that tries again, or of a Deployment that
// replaces one. The grove is part of it: Scion keeps names apart only within
// one. A Pod that names no agent is an agent of its own.
type agentName struct {
	namespace, grove, name string
	alone                  string // the Pod whose name it is, if that names no agent
}

func agentNameOf(pod *corev1.Pod) agentName {
	n := agentName{namespace: pod.Namespace, grove: pod.Labels[labelGrove], name: pod.Labels[labelName]}
	if n.name == "" {
		n.name, n.alone = pod.Name, pod.Name
	}
	return n
}

func (n agentName) compare(m agentName) int {
	return cmp.Or(
		cmp.Compare(n.namespace, m.namespace), cmp.Compare(n.name, m.name),
		cmp.Compare(n.grove, m.grove), cmp.Compare(n.alone, m.alone))
}

// agent is one line of the answer.
type agent struct {
	agentName
	pod    podRef // the one that speaks for it; zero if there is none
	status phasemap.Status
}

// podRef is what is shown of a Pod beside its status.
type podRef struct {
	name, node string
	uid        types.UID
	created    time.Time
}

func refOf(pod *corev1.Pod) podRef {
	return podRef{pod.Name, pod.Spec.NodeName, pod.UID, pod.CreationTimestamp.Time}
}

// compare orders Pods by age, the newest last.
func (p podRef) compare(q podRef) int {
	return cmp.Or(p.created.Compare(q.created), cmp.Compare(p.name, q.name))
}

// replaces reports whether p is another Pod than q, and no older one.
func (p podRef) replaces(q podRef) bool { return p.uid != q.uid && p.compare(q) >= 0 }

// podEvent is what happened to one Pod, or what could not be read in its place.
type podEvent struct {
	doc  phasemap.Document
	gone bool

	err  error
	file string // that err is about
}

// observer turns what happens to Pods into what is to be said of agents.
type observer struct {
	run     *phaseRun
	tracker phasemap.Tracker // of a watch
	pods    map[types.NamespacedName]*observed
	agents  map[agentName]*observedAgent
	begun   bool // what there was at first has been shown
	ended   bool // nothing will happen any more
}

// observedAgent is an agent, and what was said of it.
type observedAgent struct {
	agentName
	pods     []*observed
	declared bool     // it stays when its last Pod is gone
	said     *verdict // the last that was shown; nil before
}

// observed is a Pod of an agent. There may be ten thousand, so it is small.
type observed struct {
	podRef
	agent  *observedAgent
	doc    *phasemap.Document             // to be judged again; nil if it never is
	status unique.Handle[phasemap.Status] // the last as long as it was there: many have the same
	gone   bool
	since  time.Time // it is gone
}

func newObserver(r *phaseRun) *observer {
	// A hub takes an error as final, a person does not: nothing is held back
	// unless a flag says so.
	hold := cmp.Or(r.hold, new(phasemap.Seconds(0)))
	return &observer{
		run:     r,
		tracker: phasemap.Tracker{ErrorHold: hold},
		pods:    map[types.NamespacedName]*observed{},
		agents:  map[agentName]*observedAgent{},
	}
}

// take notes what happened to a Pod, and returns the agent that it is about; nil
// if nobody has asked for it.
func (o *observer) take(e podEvent, now time.Time) *observedAgent {
	if e.err != nil {
		o.run.warn(e.file, e.err)
		return nil
	}
	pod := e.doc.Pod
	wanted := o.run.wants(pod)
	p := o.pods[podKey(pod)]
	switch {
	case p == nil && !wanted:
		return nil
	case p == nil:
	case !wanted: // its labels have changed: for a selector it is gone
		p.leave(now)
		return p.agent
	case p.agent.agentName != agentNameOf(pod): // another agent has it now
		p.leave(now)
		p = nil
	case p.restarted(pod):
		o.drop(p)
		p = nil
	}
	if p == nil {
		p = o.add(pod)
	}
	p.podRef, p.doc, p.gone = refOf(pod), &e.doc, false
	o.judge(p, now)
	if e.gone {
		p.leave(now)
	}
	if !o.run.watch { // nobody asks again
		p.doc = nil
	}
	return p.agent
}

func podKey(pod *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
}

// restarted reports whether pod is another one under the old name.
func (p *observed) restarted(pod *corev1.Pod) bool {
	return p.uid != pod.UID || p.uid == "" && p.gone
}

func (p *observed) leave(now time.Time) {
	if !p.gone {
		p.gone, p.since = true, now
	}
}

func (o *observer) add(pod *corev1.Pod) *observed {
	p := &observed{agent: o.agent(agentNameOf(pod))}
	p.agent.pods = append(p.agent.pods, p)
	o.pods[podKey(pod)] = p
	return p
}

// agent returns what is known of an agent, which may be nothing yet.
func (o *observer) agent(name agentName) *observedAgent {
	a := o.agents[name]
	if a == nil {
		a = &observedAgent{agentName: name}
		o.agents[name] = a
	}
	return a
}

// drop forgets a Pod.
func (o *observer) drop(p *observed) {
	key := types.NamespacedName{Namespace: p.agent.namespace, Name: p.name}
	if o.pods[key] == p {
		delete(o.pods, key)
		o.tracker.Forget(p.trackedAs())
	}
	p.agent.pods = slices.DeleteFunc(p.agent.pods, func(q *observed) bool { return p == q })
}

// trackedAs is the UID, or a name in its stead: tools leave the UID out.
func (p *observed) trackedAs() types.UID {
	return cmp.Or(p.uid, types.UID(p.agent.namespace+"/"+p.name))
}

// declare adds the agents of --config in a namespace, or in any if it is empty.
// A Pod that could not be read is not absent, so a broken input declares none.
func (o *observer) declare(namespace string) {
	if o.run.partial {
		return
	}
	for _, d := range o.run.declared {
		if namespace == "" || namespace == d.Namespace {
			o.agent(agentName{namespace: d.Namespace, grove: d.Grove, name: d.Name}).declared = true
		}
	}
}

// begin shows what there was at first, and from then on every change.
func (o *observer) begin(namespace string) error {
	o.begun = true
	o.declare(namespace)
	return o.look(o.run.clock.now())
}

// end shows what is left to show when nothing can happen any more: what is gone
// will not come back.
func (o *observer) end(namespace string) error {
	o.ended, o.pods = true, nil
	if o.begun {
		return o.look(o.run.clock.now())
	}
	return o.begin(namespace)
}

// look shows every agent that has changed, be it by time alone.
func (o *observer) look(now time.Time) error {
	for _, name := range slices.SortedFunc(maps.Keys(o.agents), agentName.compare) {
		if err := o.show(o.agents[name], now); err != nil {
			return err
		}
	}
	return o.run.out.flush()
}

// report shows one agent if it has changed.
func (o *observer) report(a *observedAgent, now time.Time) error {
	if err := o.show(a, now); err != nil {
		return err
	}
	return o.run.out.flush()
}

func (o *observer) show(a *observedAgent, now time.Time) error {
	v := o.verdict(a, now)
	if len(a.pods) == 0 && !a.declared {
		delete(o.agents, a.agentName)
	}
	if !v.settled || !a.news(v) {
		return nil
	}
	if a.said = &v; o.ended { // nobody compares
		delete(o.agents, a.agentName)
	}
	return o.run.show(agent{a.agentName, v.pod, v.status})
}

// verdict is what a Pod makes of its agent.
type verdict struct {
	pod     podRef
	status  phasemap.Status
	live    bool // the Pod is there, and has not ended
	settled bool // no Pod that vanished may come back and change it
}

// outranks reports whether v rather than w is about the agent: a Pod that lives
// speaks before one that has ended or is gone, the newest of them first.
func (v verdict) outranks(w verdict) bool {
	if v.live != w.live {
		return v.live
	}
	return v.pod.compare(w.pod) > 0
}

// verdict is that of the Pod that speaks for the agent; not settled if there is
// none. Pods that will not come back are forgotten on the way.
func (o *observer) verdict(a *observedAgent, now time.Time) (best verdict) {
	if len(a.pods) == 0 && a.said == nil {
		return verdict{status: phasemap.MapAbsent(phasemap.Absence{}, o.run.mapping), settled: true}
	}
	found := false
	for _, p := range slices.Clone(a.pods) {
		v := o.judge(p, now)
		if p.gone && v.settled {
			o.drop(p)
		}
		// What ended before another Pod spoke says nothing about the agent now.
		past := !v.live && a.said != nil && v.pod.compare(a.said.pod) < 0
		if !past && (!found || v.outranks(best)) {
			best, found = v, true
		}
	}
	return best
}

// judge is what p says now.
func (o *observer) judge(p *observed, now time.Time) verdict {
	if p.gone {
		status := phasemap.MapAbsent(phasemap.Absence{Last: new(p.status.Value()), For: o.absent(p, now)}, o.run.mapping)
		return verdict{pod: p.podRef, status: status, settled: status.Rule != "PM005"}
	}
	if p.doc != nil {
		status := p.doc.Map(o.run.mapping, now)
		if o.run.watch {
			status = o.tracker.Observe(p.trackedAs(), status, now)
		}
		p.status = unique.Make(status)
	}
	status := p.status.Value()
	return verdict{pod: p.podRef, status: status, live: !status.Terminal, settled: true}
}

// absent is for how long p is gone: for ever if nothing can happen any more, or
// if --now has stopped the clock.
func (o *observer) absent(p *observed, now time.Time) *phasemap.Seconds {
	if o.ended || o.run.clock.set {
		return new(phasemap.Seconds(math.MaxInt64))
	}
	return new(phasemap.Seconds(now.Sub(p.since) / time.Second))
}

// news reports whether a verdict is worth a line after what was shown: if a
// newer Pod speaks for the agent, or if the same has something else to say.
func (a *observedAgent) news(v verdict) bool {
	return a.said == nil || v.pod.replaces(a.said.pod) || news(a.said.status, v.status)
}

// news reports whether a Status is worth a line after another. Counters and
// times go by in messages, and containers and notes come and go with no change
// that the table would show; and of what has ended, only the phase is still
// news: the deletion of its Pod says nothing more.
func news(before, now phasemap.Status) bool {
	if before.Terminal && before.Phase == now.Phase {
		return false
	}
	for _, s := range []*phasemap.Status{&before, &now} {
		s.Message, s.Container, s.Notes = "", "", 0
	}
	return before != now
}
