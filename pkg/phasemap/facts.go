package phasemap

import "slices"

// A fact is one yes-or-no question about a Pod, about a Pod that is gone, or
// about what an agent reports of itself. The decision table speaks of nothing
// else, so that it can be read, printed and tested as data; factTexts says what
// each asks.
type fact uint8

const (
	noPod fact = iota

	podSucceeded
	podFailed
	podFinal
	podRunning
	podPending
	phaseMissing
	contactLost
	saidNodeLost

	deleting
	statusCurrent
	stuckDeleting

	outcomeKnown
	outcomeFirst
	disrupted
	preempted
	nodeShutDown
	nodeLost
	ownLimit
	evicted
	rejectedForGood
	rejected
	deadlineExceeded
	doneBeforeDeadline

	agentNotFound
	agentRan
	agentRunning
	agentEnded
	agentDone
	agentWaiting
	agentEndedBefore
	agentRestarts
	agentStopAsked
	agentUnstarted
	agentUnready
	agentLost
	agentWasLost
	agentCrashLoop
	agentWasOOMKilled
	noExitCode
	exitZero
	exitLimits
	exitNegative
	exit255
	oomKilled
	endedBySIGTERM
	startFailed
	signalStop
	signalKill
	signalOther

	initBlocks
	initClones
	initIsSidecar
	initRunning
	initEnded
	initFailed
	initStopAsked
	initOOMKilled
	initCrashLoop

	unplaced
	schedulingUnsaid
	schedulingGated
	unschedulable
	noNodeFits
	victimsLeaving
	schedulingGraceOver

	imageInvalid
	imagePullFails
	imageGraceOver
	configFails
	startFails
	startGraceOver
	containerCreating
	podInitializing
	reasonMissing
	containerExists

	optAutoscaling
	optRequireReady
	optCommittedFinal

	nothingKnown
	lastTerminal
	lastDisrupted
	lastStopping
	stopRequested
	absentBriefly

	selfSilent
	selfFresh
	selfPreparing
	selfSettingUp
	selfCreated
	selfStopping
	selfError
	selfRunning
	selfGone
	selfUnusable
	selfLimits
	selfCompleted
	podUnreachable
	podTerminal
	podCutOff
	podDisrupted
	podStopping
	podError
	podAtWork
	podStarting

	numFacts
)

// factTexts completes "the rule holds when ..." for each fact.
var factTexts = [numFacts]string{
	noPod: "there is no Pod",

	podSucceeded: "the Pod is Succeeded",
	podFailed:    "the Pod is Failed",
	podFinal:     "the Pod is Succeeded or Failed",
	podRunning:   "the Pod is Running",
	podPending:   "the Pod is Pending or has no phase",
	phaseMissing: "the Pod has no phase",
	contactLost:  "the Pod is Unknown or its reason is NodeLost",
	saidNodeLost: "the Pod's reason is NodeLost",

	deleting:      "the Pod is being deleted",
	statusCurrent: "the status is not older than the deletion",
	stuckDeleting: "the deletion was due more than stuckTerminatingAfter ago",

	outcomeKnown:       "the Pod is Succeeded or Failed, or the agent is done",
	outcomeFirst:       "the agent ended before the disruption",
	disrupted:          "the Pod is disrupted",
	preempted:          "the Pod is preempted",
	nodeShutDown:       "the node shut down",
	nodeLost:           "the node was lost",
	ownLimit:           "the Pod is evicted over a limit of its own",
	evicted:            "the Pod is evicted",
	rejectedForGood:    "the kubelet rejected the Pod for what its spec asks",
	rejected:           "the kubelet rejected the Pod",
	deadlineExceeded:   "the Pod is past its activeDeadlineSeconds",
	doneBeforeDeadline: "the agent ended before the deadline",

	agentNotFound:     "no container is the agent's",
	agentRan:          "the agent has run",
	agentRunning:      "the agent runs",
	agentEnded:        "the agent has ended",
	agentDone:         "the agent has ended and will not be restarted",
	agentWaiting:      "the agent waits",
	agentEndedBefore:  "the agent has ended before",
	agentRestarts:     "the agent is restarted when it ends so",
	agentStopAsked:    "the agent ended because of the deletion",
	agentUnstarted:    "the agent's startup probe has not passed",
	agentUnready:      "the agent is not ready",
	agentLost:         "the node lost the agent's container",
	agentWasLost:      "the node lost the agent's container before",
	agentCrashLoop:    "the agent is in CrashLoopBackOff",
	agentWasOOMKilled: "the agent was OOMKilled before",
	noExitCode:        "the agent's exit code is unusable",
	exitZero:          "the agent's exit code is 0",
	exitLimits:        "the agent's exit code is one of limitsExitCodes",
	exitNegative:      "the agent's exit code is negative",
	exit255:           "the agent's exit code is 255 or -1",
	oomKilled:         "the agent was OOMKilled",
	endedBySIGTERM:    "the agent's exit code is 143",
	startFailed:       "the agent's command could not be started",
	signalStop:        "the agent was asked to end: SIGINT, SIGTERM or Control-C",
	signalKill:        "the agent was ended by SIGKILL",
	signalOther:       "the agent was ended by another signal",

	initBlocks:    "an init container is not finished",
	initClones:    "that init container clones",
	initIsSidecar: "that init container is a sidecar",
	initRunning:   "that init container runs",
	initEnded:     "that init container has ended",
	initFailed:    "that init container has failed for good",
	initStopAsked: "that init container ended because of the deletion",
	initOOMKilled: "that init container was OOMKilled",
	initCrashLoop: "that init container is in CrashLoopBackOff",

	unplaced:            "the Pod has no node and no container",
	schedulingUnsaid:    "the scheduler has not spoken",
	schedulingGated:     "the Pod has scheduling gates",
	unschedulable:       "the scheduler failed to place the Pod",
	noNodeFits:          "no node fits the Pod",
	victimsLeaving:      "a node is nominated",
	schedulingGraceOver: "unschedulableGrace is over",

	imageInvalid:      "the image can never be had",
	imagePullFails:    "the image cannot be pulled",
	imageGraceOver:    "imagePullGrace is over",
	configFails:       "the container's configuration is wrong",
	startFails:        "the container cannot be created or started",
	startGraceOver:    "startErrorGrace is over",
	containerCreating: "the reason is ContainerCreating",
	podInitializing:   "the reason is PodInitializing",
	reasonMissing:     "the reason is empty",
	containerExists:   "the container exists",

	optAutoscaling:    "autoscaling is set",
	optRequireReady:   "requireReady is set",
	optCommittedFinal: "committedDisruption is final",

	nothingKnown:  "nothing was known of the agent",
	lastTerminal:  "the last Status was terminal",
	lastDisrupted: "the last Status was a disruption under way",
	lastStopping:  "the last phase was stopping",
	stopRequested: "a stop was requested",
	absentBriefly: "the Pod is absent for less than absentGrace or an unknown time",

	selfSilent:     "the agent reports nothing",
	selfFresh:      "the report is not older than the container",
	selfPreparing:  "the agent reports provisioning, cloning or starting",
	selfSettingUp:  "the agent reports provisioning or cloning",
	selfCreated:    "the agent reports created",
	selfStopping:   "the agent reports stopping",
	selfError:      "the agent reports error",
	selfRunning:    "the agent reports running",
	selfGone:       "the agent reports stopped or suspended",
	selfUnusable:   "the agent reports a phase that nobody knows",
	selfLimits:     "the agent reports limits_exceeded",
	selfCompleted:  "the agent reports completed",
	podUnreachable: "the Pod's rule is PM310",
	podTerminal:    "the Pod's Status is terminal",
	podCutOff:      "the Pod's rule is PM233, PM234, PM236 or PM237",
	podDisrupted:   "the Pod's rule is one of PM100 to PM104",
	podStopping:    "the Pod's phase is stopping",
	podError:       "the Pod's phase is error",
	podAtWork:      "the Pod's phase is running",
	podStarting:    "the Pod's phase is starting",
}

func (f fact) String() string { return factTexts[f] }

// facts is a set of them.
type facts [2]uint64

// of returns the set of some facts.
func of(list ...fact) (s facts) {
	for _, f := range list {
		s.add(f, true)
	}
	return s
}

// add puts f into the set if it holds. Dozens of facts are tried on a Pod, and a
// branch for each would be predicted badly; a shift has none.
func (s *facts) add(f fact, holds bool) {
	var bit uint64
	if holds {
		bit = 1
	}
	s[f/64] |= bit << (f % 64)
}

func (s *facts) has(f fact) bool { return s[f/64]&(1<<(f%64)) != 0 }

// all reports whether s has every fact that other has.
func (s *facts) all(other *facts) bool {
	return s[0]&other[0] == other[0] && s[1]&other[1] == other[1]
}

// any reports whether s has a fact that other has.
func (s *facts) any(other *facts) bool { return s[0]&other[0]|s[1]&other[1] != 0 }

// and returns the facts that both have.
func (s facts) and(other facts) facts { return facts{s[0] & other[0], s[1] & other[1]} }

// texts lists what the facts in the set say.
func (s facts) texts() []string {
	var texts []string
	for f := range numFacts {
		if s.has(f) {
			texts = append(texts, f.String())
		}
	}
	return slices.Clip(texts)
}
