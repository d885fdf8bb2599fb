package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	"github.com/spf13/pflag"
)

// bindMapping makes a flag of every option of the mapping.
func bindMapping(f *pflag.FlagSet, o *phasemap.Options) {
	f.StringVar(&o.AgentContainer, "agent-container", "", "the agent's container (default agent)")
	f.StringSliceVar(&o.CloneInitContainers, "clone-container", nil,
		"init containers that clone the workspace (default git-clone,workspace-provision)")
	f.BoolVar(&o.Autoscaling, "autoscaling", false, "nodes are added for Pods that do not fit: to wait for one is no error")
	f.Var(secondsFlag{&o.UnschedulableGrace}, "unschedulable-grace", "the `duration` for which a Pod may find no node (default 60s)")
	f.Var(secondsFlag{&o.ImagePullGrace}, "image-pull-grace", "the `duration` for which pulling an image may fail (default 5m)")
	f.Var(secondsFlag{&o.StartErrorGrace}, "start-error-grace", "the `duration` for which creating a container may fail (default 60s)")
	f.Var(secondsFlag{&o.StuckTerminatingAfter}, "stuck-terminating-after", "the `duration` after its end from which a deleted Pod counts as stuck (default 5m)")
	f.Var((*exitCodesFlag)(&o.LimitsExitCodes), "limits-exit-code", "exit `codes` of an agent that used up its turns or time (default 10)")
	f.StringVar((*string)(&o.DisruptionPhase), "disruption-phase", "",
		"auto, stopped or error: the phase after an eviction; auto is stopped if the workspace outlives the Pod (default auto)")
	f.StringVar(&o.WorkspaceVolume, "workspace-volume", "", "the volume that auto looks at (default workspace)")
	f.StringVar((*string)(&o.CommittedDisruption), "committed-disruption", "",
		"stopping or final: the phase while an eviction is under way (default stopping)")
	f.BoolVar(&o.RequireReady, "require-ready", false, "an agent that is not ready is starting")
	f.StringVar(&o.AssumedRestartPolicy, "assumed-restart-policy", "", "Never, OnFailure or Always, for Pods that say none (default Never)")
	f.Var(secondsFlag{&o.AbsentGrace}, "absent-grace", "the `duration` for which the last phase of a Pod that vanished is kept (default 10s)")
	f.StringVar((*string)(&o.VanishedPhase), "vanished-phase", "", "stopped or error: the phase of an agent whose Pod vanished (default stopped)")
}

// secondsFlag is a span of whole seconds: 90, 90s or 1m30s.
type secondsFlag struct{ value **phasemap.Seconds }

// Type and the methods below implement pflag.Value.
func (secondsFlag) Type() string { return "duration" }

func (s secondsFlag) String() string {
	if s.value == nil || *s.value == nil {
		return ""
	}
	return (time.Duration(**s.value) * time.Second).String()
}

func (s secondsFlag) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		d, err := time.ParseDuration(text)
		if err != nil || d%time.Second != 0 {
			return fmt.Errorf("%q is no span of whole seconds; write 90s or 5m", text)
		}
		n = int64(d / time.Second)
	}
	if n < 0 {
		return fmt.Errorf("%q is less than nothing", text)
	}
	*s.value = new(phasemap.Seconds(n))
	return nil
}

// exitCodesFlag is a list of exit codes; none empties it.
type exitCodesFlag []int32

// Type and the methods below implement pflag.Value.
func (*exitCodesFlag) Type() string   { return "ints" }
func (*exitCodesFlag) String() string { return "" }

func (c *exitCodesFlag) Set(text string) error {
	if *c == nil {
		*c = []int32{}
	}
	if text == "none" {
		return nil
	}
	for code := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(code, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is no exit code; write 10, or none", code)
		}
		*c = append(*c, int32(n))
	}
	return nil
}

// clockFlag is the value of --now.
type clockFlag struct {
	set  bool
	time time.Time
}

// now is the moment to judge by; zero means that there is no clock.
func (c *clockFlag) now() time.Time {
	if c.set {
		return c.time
	}
	return time.Now()
}

// Type and the methods below implement pflag.Value.
func (*clockFlag) Type() string   { return "time" }
func (*clockFlag) String() string { return "" }

func (c *clockFlag) Set(text string) (err error) {
	c.set = true
	if text == "none" {
		return nil
	}
	if c.time, err = time.Parse(time.RFC3339, text); err != nil {
		return fmt.Errorf("%q is no moment in RFC 3339; write 2026-09-01T12:00:00Z, or none", text)
	}
	return nil
}
