package podstream

import (
	"fmt"
	"math"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// defaultContainer is the one annotation that matters to a phase.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// podReader fills a Document with the fields that phasemap.Map reads, and the
// name, uid and labels by which a Pod is known.
type podReader struct {
	walker
	doc      *phasemap.Document
	elements *int // list elements and labels read so far
}

// maxElements is how many containers, conditions, labels and the like one Pod
// may have in all. Elements cost more in memory than in text, so the limit in
// bytes is not enough; the API allows more of nothing in 1.5 MiB, etcd's limit,
// that a kubelet would run.
const maxElements = 16 << 10

var errTooManyElements = fmt.Errorf("an object has more than %d list elements", maxElements)

// count counts one more element.
func (r podReader) count() error {
	if *r.elements++; *r.elements > maxElements {
		return errTooManyElements
	}
	return nil
}

// field reads one member of a Pod; known is false for those of no Pod.
func (r podReader) field(name []byte) (known bool, err error) {
	pod := r.doc.Pod
	switch string(name) {
	case "apiVersion":
		pod.APIVersion, err = r.text()
	case "kind":
		pod.Kind, err = r.text()
	case "metadata":
		err = r.object(func(name []byte) error { return r.metadata(&pod.ObjectMeta, name) })
	case "spec":
		err = r.object(func(name []byte) error { return r.spec(&pod.Spec, name) })
	case "status":
		err = r.object(func(name []byte) error { return r.status(&pod.Status, name) })
	default:
		return false, nil
	}
	return true, err
}

func (r podReader) metadata(m *metav1.ObjectMeta, name []byte) (err error) {
	switch string(name) {
	case "name":
		m.Name, err = r.text()
	case "namespace":
		m.Namespace, err = r.text()
	case "uid":
		m.UID, err = text[types.UID](r)
	case "generation":
		m.Generation, _, err = r.integer()
	case "creationTimestamp":
		m.CreationTimestamp, err = r.time()
	case "deletionTimestamp":
		m.DeletionTimestamp, err = present(r.time())
	case "deletionGracePeriodSeconds":
		m.DeletionGracePeriodSeconds, err = r.optionalInteger()
	case "labels":
		m.Labels, err = r.stringMap(func(string) bool { return true })
	case "annotations":
		m.Annotations, err = r.stringMap(func(key string) bool { return key == defaultContainer })
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) spec(s *corev1.PodSpec, name []byte) (err error) {
	switch string(name) {
	case "restartPolicy":
		s.RestartPolicy, err = text[corev1.RestartPolicy](r)
	case "nodeName":
		s.NodeName, err = r.text()
	case "activeDeadlineSeconds":
		s.ActiveDeadlineSeconds, err = r.optionalInteger()
	case "terminationGracePeriodSeconds":
		s.TerminationGracePeriodSeconds, err = r.optionalInteger()
	case "schedulingGates":
		s.SchedulingGates, err = list(r, r.schedulingGate)
	case "volumes":
		s.Volumes, err = list(r, r.volume)
	case "containers":
		s.Containers, err = list(r, r.container)
	case "initContainers":
		s.InitContainers, err = list(r, r.container)
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) schedulingGate(g *corev1.PodSchedulingGate, name []byte) (err error) {
	switch string(name) {
	case "name":
		g.Name, err = r.text()
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) volume(v *corev1.Volume, name []byte) (err error) {
	switch string(name) {
	case "name":
		v.Name, err = r.text()
	case "persistentVolumeClaim":
		v.PersistentVolumeClaim, err = marker[corev1.PersistentVolumeClaimVolumeSource](r)
	case "nfs":
		v.NFS, err = marker[corev1.NFSVolumeSource](r)
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) container(c *corev1.Container, name []byte) (err error) {
	switch string(name) {
	case "name":
		c.Name, err = r.text()
	case "restartPolicy":
		var policy corev1.ContainerRestartPolicy
		if policy, err = text[corev1.ContainerRestartPolicy](r); policy != "" {
			c.RestartPolicy = &policy
		}
	case "restartPolicyRules":
		c.RestartPolicyRules, err = list(r, r.restartRule)
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) restartRule(rule *corev1.ContainerRestartRule, name []byte) (err error) {
	switch string(name) {
	case "action":
		rule.Action, err = text[corev1.ContainerRestartRuleAction](r)
	case "exitCodes":
		rule.ExitCodes, err = optional(r, r.restartExitCodes)
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) restartExitCodes(codes *corev1.ContainerRestartRuleOnExitCodes, name []byte) (err error) {
	switch string(name) {
	case "operator":
		codes.Operator, err = text[corev1.ContainerRestartRuleOnExitCodesOperator](r)
	case "values":
		err = r.array(func() error {
			n, ok, err := r.integer()
			if ok && n == int64(int32(n)) {
				codes.Values = append(codes.Values, int32(n))
			}
			return err
		})
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) status(s *corev1.PodStatus, name []byte) (err error) {
	switch string(name) {
	case "phase":
		s.Phase, err = text[corev1.PodPhase](r)
	case "reason":
		s.Reason, err = r.text()
	case "message":
		s.Message, err = r.text()
	case "startTime":
		s.StartTime, err = present(r.time())
	case "nominatedNodeName":
		s.NominatedNodeName, err = r.text()
	case "observedGeneration":
		s.ObservedGeneration, _, err = r.integer()
	case "conditions":
		s.Conditions, err = list(r, r.condition)
	case "containerStatuses":
		s.ContainerStatuses, err = list(r, r.containerStatus)
	case "initContainerStatuses":
		s.InitContainerStatuses, err = list(r, r.containerStatus)
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) condition(c *corev1.PodCondition, name []byte) (err error) {
	switch string(name) {
	case "type":
		c.Type, err = text[corev1.PodConditionType](r)
	case "status":
		c.Status, err = text[corev1.ConditionStatus](r)
	case "reason":
		c.Reason, err = r.text()
	case "message":
		c.Message, err = r.text()
	case "lastTransitionTime":
		c.LastTransitionTime, err = r.time()
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) containerStatus(s *corev1.ContainerStatus, name []byte) (err error) {
	switch string(name) {
	case "name":
		s.Name, err = r.text()
	case "ready":
		s.Ready, _, err = r.boolean()
	case "started":
		var started, ok bool
		if started, ok, err = r.boolean(); ok {
			s.Started = new(started)
		}
	case "restartCount":
		s.RestartCount, err = r.integer32()
	case "containerID":
		s.ContainerID, err = r.text()
	case "state":
		err = r.object(func(name []byte) error { return r.containerState(&s.State, name) })
	case "lastState":
		err = r.object(func(name []byte) error { return r.containerState(&s.LastTerminationState, name) })
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) containerState(s *corev1.ContainerState, name []byte) (err error) {
	switch string(name) {
	case "waiting":
		s.Waiting, err = optional(r, r.waiting)
	case "running":
		s.Running, err = optional(r, r.running)
	case "terminated":
		s.Terminated, err = optional(r, r.terminated)
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) waiting(s *corev1.ContainerStateWaiting, name []byte) (err error) {
	switch string(name) {
	case "reason":
		s.Reason, err = r.text()
	case "message":
		s.Message, err = r.text()
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) running(s *corev1.ContainerStateRunning, name []byte) (err error) {
	switch string(name) {
	case "startedAt":
		s.StartedAt, err = r.time()
	default:
		err = r.SkipValue()
	}
	return err
}

func (r podReader) terminated(s *corev1.ContainerStateTerminated, name []byte) (err error) {
	switch string(name) {
	case "exitCode":
		err = r.exitCode(s)
	case "signal":
		s.Signal, err = r.integer32()
	case "reason":
		s.Reason, err = r.text()
	case "message":
		s.Message, err = r.text()
	case "startedAt":
		s.StartedAt, err = r.time()
	case "finishedAt":
		s.FinishedAt, err = r.time()
	default:
		err = r.SkipValue()
	}
	return err
}

// exitCode reads an exit code. Null is 0, as a typed client has it. Codes of
// Windows may come unsigned; what fits neither way is remembered as unreadable,
// and -1 as phasemap.ReadDocument has it, so that nobody takes it for success.
func (r podReader) exitCode(s *corev1.ContainerStateTerminated) error {
	null := r.PeekKind() == 'n'
	n, ok, err := r.integer()
	switch {
	case null, err != nil:
	case ok && math.MinInt32 <= n && n <= math.MaxUint32:
		s.ExitCode = int32(uint32(n))
	default:
		s.ExitCode = -1
		r.doc.UnreadableExits = append(r.doc.UnreadableExits, s)
	}
	return err
}

// time reads a timestamp of RFC 3339; anything else is the zero time.
func (r podReader) time() (metav1.Time, error) {
	s, err := r.text()
	if err != nil || s == "" {
		return metav1.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return metav1.Time{}, nil
	}
	return metav1.NewTime(t), nil
}

// present is a pointer to t, nil for the zero time.
func present(t metav1.Time, err error) (*metav1.Time, error) {
	if t.IsZero() {
		return nil, err
	}
	return &t, err
}

func (r podReader) optionalInteger() (*int64, error) {
	n, ok, err := r.integer()
	if !ok {
		return nil, err
	}
	return &n, err
}

// stringMap reads the members that keep wants and whose values are strings.
func (r podReader) stringMap(keep func(key string) bool) (map[string]string, error) {
	var m map[string]string
	err := r.object(func(name []byte) error {
		key := r.strings.of(name)
		if !keep(key) || r.PeekKind() != '"' {
			return r.SkipValue()
		}
		if err := r.count(); err != nil {
			return err
		}
		if m == nil {
			m = map[string]string{}
		}
		value, err := r.text()
		m[key] = value
		return err
	})
	return m, err
}

// text is walker.text for a named type of string.
func text[T ~string](r podReader) (T, error) {
	s, err := r.text()
	return T(s), err
}

// list reads the objects of an array by their fields; other elements are
// skipped.
func list[T any](r podReader, field func(*T, []byte) error) ([]T, error) {
	var all []T
	err := r.array(func() error {
		if r.PeekKind() != '{' {
			return r.SkipValue()
		}
		if err := r.count(); err != nil {
			return err
		}
		all = append(all, *new(T))
		return r.object(func(name []byte) error { return field(&all[len(all)-1], name) })
	})
	return all, err
}

// optional reads an object by its fields; anything else is nil.
func optional[T any](r podReader, field func(*T, []byte) error) (*T, error) {
	if r.PeekKind() != '{' {
		return nil, r.SkipValue()
	}
	v := new(T)
	return v, r.object(func(name []byte) error { return field(v, name) })
}

// marker is an empty T if an object is there, whatever is in it.
func marker[T any](r podReader) (*T, error) {
	return optional(r, func(*T, []byte) error { return r.SkipValue() })
}
