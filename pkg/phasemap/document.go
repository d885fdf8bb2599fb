package phasemap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Document is a Pod read leniently from JSON: what has the wrong type counts as
// absent, so that there is an answer for Pods that no typed client decodes.
type Document struct {
	// Pod holds the [Fields] that Map reads, and name and namespace. It is nil
	// for JSON null.
	Pod *corev1.Pod

	// UnreadableExits are the terminations in Pod whose exit code is there but
	// is no number that fits. The -1 that Pod holds for it is made up.
	UnreadableExits []*corev1.ContainerStateTerminated
}

// MapJSON is [Map] for a Pod in JSON, read as by [ReadDocument].
func MapJSON(data []byte, opts Options, now time.Time) (Status, error) {
	d, err := ReadDocument(data)
	if err != nil {
		return Status{}, err
	}
	return d.Map(opts, now), nil
}

// Map is [Map] for a Document.
func (d Document) Map(opts Options, now time.Time) (s Status) {
	l := look{pod: d.Pod, opts: &opts, now: clock(stampOf(now)), unreadableExits: d.UnreadableExits}
	l.judge(&s)
	return s
}

// ReadDocument reads a Pod from JSON. Only text that is not one JSON object or
// null is an error. Keys are case-sensitive, as the API server has them.
func ReadDocument(data []byte) (Document, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		at := int64(len(data))
		if syntax, isSyntax := errors.AsType[*json.SyntaxError](err); isSyntax {
			at = syntax.Offset
		}
		return Document{}, fmt.Errorf("byte %d: %w", at, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("byte %d: more than one JSON value", decoder.InputOffset())
	}
	if v == nil {
		return Document{}, nil
	}
	root, isObject := v.(map[string]any)
	if !isObject {
		return Document{}, errors.New("not a JSON object")
	}
	var r reader
	pod := r.pod(root)
	return Document{pod, r.unreadable}, nil
}

// object is a JSON object. Its methods return the zero value for what is absent
// or of another type.
type object map[string]any

func (o object) object(key string) object {
	v, _ := o[key].(map[string]any)
	return v
}

func (o object) string(key string) string {
	v, _ := o[key].(string)
	return v
}

func (o object) bool(key string) *bool {
	v, isBool := o[key].(bool)
	if !isBool {
		return nil
	}
	return &v
}

func (o object) int(key string) *int64 {
	v, isInteger := integer(o[key])
	if !isInteger {
		return nil
	}
	return &v
}

// int32 returns 0 for what does not fit.
func (o object) int32(key string) int32 {
	v, isInteger := integer(o[key])
	if !isInteger || v < math.MinInt32 || v > math.MaxInt32 {
		return 0
	}
	return int32(v)
}

// integer takes 1.0 and 1e0 for the integer 1: JSON has one kind of numbers,
// and many readers cannot tell how one was written.
func integer(v any) (n int64, isInteger bool) {
	number, _ := v.(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err == nil || !strings.ContainsAny(number.String(), ".eE") {
		return n, err == nil
	}
	f, err := number.Float64()
	if err != nil || f != math.Trunc(f) || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// time returns nil for what is not RFC 3339 as metav1.Time reads it, which
// takes an hour of one digit and a comma before the fraction, too.
func (o object) time(key string) *metav1.Time {
	t, err := time.Parse(time.RFC3339, o.string(key))
	if err != nil {
		return nil
	}
	return &metav1.Time{Time: t}
}

func (o object) moment(key string) metav1.Time {
	if t := o.time(key); t != nil {
		return *t
	}
	return metav1.Time{}
}

// list reads the objects in a list; other entries are skipped.
func list[T any](o object, key string, read func(object) T) []T {
	var out []T
	entries, _ := o[key].([]any)
	for _, entry := range entries {
		if v, isObject := entry.(map[string]any); isObject {
			out = append(out, read(v))
		}
	}
	return out
}

// reader reads the parts of a Pod and remembers unreadable exit codes.
type reader struct {
	unreadable []*corev1.ContainerStateTerminated
}

func (r *reader) pod(o object) *corev1.Pod {
	meta := o.object("metadata")
	pod := &corev1.Pod{
		Spec:   readSpec(o.object("spec")),
		Status: r.status(o.object("status")),
	}
	pod.Name, pod.Namespace, pod.UID = meta.string("name"), meta.string("namespace"), types.UID(meta.string("uid"))
	pod.CreationTimestamp = meta.moment("creationTimestamp")
	pod.DeletionTimestamp = meta.time("deletionTimestamp")
	pod.DeletionGracePeriodSeconds = meta.int("deletionGracePeriodSeconds")
	if generation := meta.int("generation"); generation != nil {
		pod.Generation = *generation
	}
	if name := meta.object("annotations").string(defaultContainer); name != "" {
		pod.Annotations = map[string]string{defaultContainer: name}
	}
	return pod
}

func readSpec(o object) corev1.PodSpec {
	return corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicy(o.string("restartPolicy")),
		NodeName:                      o.string("nodeName"),
		ActiveDeadlineSeconds:         o.int("activeDeadlineSeconds"),
		TerminationGracePeriodSeconds: o.int("terminationGracePeriodSeconds"),
		SchedulingGates: list(o, "schedulingGates", func(o object) corev1.PodSchedulingGate {
			return corev1.PodSchedulingGate{Name: o.string("name")}
		}),
		Volumes:        list(o, "volumes", readVolume),
		Containers:     list(o, "containers", readContainer),
		InitContainers: list(o, "initContainers", readContainer),
	}
}

func readVolume(o object) corev1.Volume {
	v := corev1.Volume{Name: o.string("name")}
	if o.object("persistentVolumeClaim") != nil {
		v.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{}
	}
	if o.object("nfs") != nil {
		v.NFS = &corev1.NFSVolumeSource{}
	}
	return v
}

func readContainer(o object) corev1.Container {
	c := corev1.Container{Name: o.string("name"), RestartPolicyRules: list(o, "restartPolicyRules", readRestartRule)}
	if policy := o.string("restartPolicy"); policy != "" {
		c.RestartPolicy = new(corev1.ContainerRestartPolicy(policy))
	}
	return c
}

func readRestartRule(o object) corev1.ContainerRestartRule {
	rule := corev1.ContainerRestartRule{Action: corev1.ContainerRestartRuleAction(o.string("action"))}
	codes := o.object("exitCodes")
	if codes == nil {
		return rule
	}
	rule.ExitCodes = &corev1.ContainerRestartRuleOnExitCodes{
		Operator: corev1.ContainerRestartRuleOnExitCodesOperator(codes.string("operator")),
	}
	values, _ := codes["values"].([]any)
	for _, v := range values {
		if code, isInteger := integer(v); isInteger && int64(int32(code)) == code {
			rule.ExitCodes.Values = append(rule.ExitCodes.Values, int32(code))
		}
	}
	return rule
}

func (r *reader) status(o object) corev1.PodStatus {
	status := corev1.PodStatus{
		Phase:                 corev1.PodPhase(o.string("phase")),
		Reason:                o.string("reason"),
		Message:               o.string("message"),
		StartTime:             o.time("startTime"),
		NominatedNodeName:     o.string("nominatedNodeName"),
		Conditions:            list(o, "conditions", readCondition),
		ContainerStatuses:     list(o, "containerStatuses", r.containerStatus),
		InitContainerStatuses: list(o, "initContainerStatuses", r.containerStatus),
	}
	if generation := o.int("observedGeneration"); generation != nil {
		status.ObservedGeneration = *generation
	}
	return status
}

func readCondition(o object) corev1.PodCondition {
	return corev1.PodCondition{
		Type:               corev1.PodConditionType(o.string("type")),
		Status:             corev1.ConditionStatus(o.string("status")),
		Reason:             o.string("reason"),
		Message:            o.string("message"),
		LastTransitionTime: o.moment("lastTransitionTime"),
	}
}

func (r *reader) containerStatus(o object) corev1.ContainerStatus {
	status := corev1.ContainerStatus{
		Name:         o.string("name"),
		Started:      o.bool("started"),
		ContainerID:  o.string("containerID"),
		RestartCount: o.int32("restartCount"),
		State:        r.state(o.object("state")),
	}
	status.LastTerminationState.Terminated = r.terminated(o.object("lastState").object("terminated"))
	if ready := o.bool("ready"); ready != nil {
		status.Ready = *ready
	}
	return status
}

func (r *reader) state(o object) corev1.ContainerState {
	state := corev1.ContainerState{Terminated: r.terminated(o.object("terminated"))}
	if running := o.object("running"); running != nil {
		state.Running = &corev1.ContainerStateRunning{StartedAt: running.moment("startedAt")}
	}
	if waiting := o.object("waiting"); waiting != nil {
		state.Waiting = &corev1.ContainerStateWaiting{Reason: waiting.string("reason"), Message: waiting.string("message")}
	}
	return state
}

func (r *reader) terminated(o object) *corev1.ContainerStateTerminated {
	if o == nil {
		return nil
	}
	t := &corev1.ContainerStateTerminated{
		Reason:     o.string("reason"),
		Message:    o.string("message"),
		FinishedAt: o.moment("finishedAt"),
		Signal:     o.int32("signal"),
	}
	code, readable := readExitCode(o["exitCode"])
	t.ExitCode = code
	if !readable {
		r.unreadable = append(r.unreadable, t)
	}
	return t
}

// readExitCode takes what is missing for 0, as typed clients must, and what fits
// an unsigned int32 for the signed one that Windows meant.
func readExitCode(v any) (code int32, readable bool) {
	if v == nil {
		return 0, true
	}
	n, isInteger := integer(v)
	if !isInteger || n < math.MinInt32 || n > math.MaxUint32 {
		return -1, false
	}
	return int32(n), true
}
