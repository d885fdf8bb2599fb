package phasemap

// The decision table. Rows are asked in order and the first that holds decides;
// rule ids are not in order, since a rule must come before those it is an
// exception to. Unused numbers are free for new rules; a retired id is never
// given another meaning. What a row asks is in its facts (facts.go), so that
// docs/phases.md, rules.json and the command say the same as the code.

type tables struct{ pod, absent, reconcile []row }

// row is one line of the table. A rule with several rows is described in the
// first; the others have its ID and what differs.
type row struct {
	Rule
	phase    Phase // one of the eight, or one of those below
	about    about
	activity activity
	when     facts // all of these
	unless   facts // and none of these
}

// Phases that a row takes from elsewhere. They never come out.
const (
	byDisruption Phase = "(disruptionPhase)" // what that option says
	byVanished   Phase = "(vanishedPhase)"   // what that option says
	asLast       Phase = "(last)"            // that of the last Status
	asOutcome    Phase = "(outcome)"         // the same, of a Status that was terminal
	asDisrupted  Phase = "(disrupted)"       // that of the disruption in the last Status
	asPod        Phase = "(pod)"             // that of the Pod's Status
	asSelf       Phase = "(self)"            // that of the report
)

// about says what a verdict speaks of: which container it names, whose exit
// code and whose words it carries.
type about uint8

const (
	thePod         about = iota
	theScheduling        // the Pod, in the scheduler's words
	theDeletion          // the Pod, in the words of what disrupted it
	theDisruption        // the agent, in the words of what disrupted the Pod
	theDeadline          // the agent, in the Pod's words
	theAgent             // the agent as it is
	theAgentBefore       // the agent, and how it ended before
	theInit              // the init container that is not finished
	theInitBefore        // that, and how it ended or ended before
	theWaiter            // the init container that is not finished, else the agent
)

// activity says which activity a row of Reconcile lets through, if the phase is
// running.
type activity uint8

const (
	none activity = iota
	offline
	reported    // the agent's
	unlessEnded // the agent's, but for those that are left when an agent has ended
)

// table is the decision table: that of Map, that of MapAbsent, that of Reconcile.
var table = link(tables{pod: []row{
	// A Pod that is gone, and outcomes that something outside the agent made.
	{
		Rule: Rule{ID: "PM001", Reason: "PodAbsent",
			Doc:    "There is no Pod, and nothing is known of the agent: it was declared and not started.",
			Source: "Scion: created is the phase before any infrastructure exists"},
		phase: Created, when: of(noPod),
	},
	{
		Rule: Rule{ID: "PM100", Reason: "Preempted", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again. If it happens often, give it a higher priorityClassName or reserve room for it."},
			Doc:    "The scheduler, or the kubelet for a critical Pod, gave the agent's place to another. Unless the agent had ended a second or more before.",
			Source: "KEP-3329, DisruptionTarget/PreemptionByScheduler; kubelet preemption, reason Preempting"},
		phase: byDisruption, about: theDisruption, when: of(outcomeKnown, preempted), unless: of(outcomeFirst),
	},
	{
		Rule: Rule{ID: "PM101", Reason: "NodeShutdown", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again. Its node was shut down; a spot node will be again."},
			Doc:    "The node was shut down in an orderly way. A Pod whose containers took it well is Succeeded and still says so in its reason.",
			Source: "kubelet graceful node shutdown: reason Terminated, Shutdown before 1.22"},
		phase: byDisruption, about: theDisruption, when: of(outcomeKnown, nodeShutDown), unless: of(outcomeFirst),
	},
	{
		Rule: Rule{ID: "PM102", Reason: "NodeLost", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again, and find out what became of its node."},
			Doc:    "The node is gone. What the Pod says of its containers is what the kubelet said last.",
			Source: "Pod garbage collection, DisruptionTarget/DeletionByPodGC; reason NodeLost of older clusters"},
		phase: byDisruption, about: theDisruption, when: of(outcomeKnown, nodeLost), unless: of(outcomeFirst),
	},
	{
		Rule: Rule{ID: "PM104", Reason: "EvictedOwnLimit", Terminal: true,
			Hint:   Hint{"raise-storage", "Raise the ephemeral-storage limit or the emptyDir's sizeLimit, or have the agent write less."},
			Doc:    "The agent wrote more to disk than its own limits allow and will again. The kubelet marks that by its words alone; should they change, this reads PM103.",
			Source: "kubelet eviction manager: reason Evicted without DisruptionTarget"},
		phase: Error, about: theDisruption, when: of(outcomeKnown, ownLimit), unless: of(outcomeFirst),
	},
	{
		Rule: Rule{ID: "PM103", Reason: "Evicted", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again. If its node runs short of memory or disk each time, set requests for what it uses."},
			Doc:    "The Pod was evicted: the node was short of something, it was drained or tainted, or another DisruptionTarget says so. An agent that ends with 0 on SIGTERM makes such a Pod Succeeded.",
			Source: "reason Evicted; KEP-3329; kubernetes/kubernetes#118310"},
		phase: byDisruption, about: theDisruption, when: of(outcomeKnown, evicted), unless: of(outcomeFirst),
	},
	{
		Rule: Rule{ID: "PM111", Reason: "NodeRejectedPermanent", Terminal: true,
			Hint:   Hint{"change-pod", "The node cannot run a Pod like this: change the Pod, or the kind of node it is sent to."},
			Doc:    "The kubelet refused the Pod for something in its spec: AppArmor, sysctls, operating system, or a feature that it lacks.",
			Source: "kubelet admission, pkg/kubelet/kubelet.go and lifecycle/handlers.go"},
		phase: Error, when: of(rejectedForGood),
	},
	{
		Rule: Rule{ID: "PM110", Reason: "NodeRejected", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again: it will most likely land on another node."},
			Doc:    "The kubelet refused the Pod for the state of the node, most often because two Pods were given the same room.",
			Source: "kubelet admission, pkg/kubelet/lifecycle/predicate.go: reasons OutOf... and others, or the words Pod was rejected"},
		phase: Error, when: of(rejected),
	},
	{
		Rule: Rule{ID: "PM120", Reason: "DeadlineExceeded", Terminal: true,
			Hint:   Hint{"raise-deadline", "Raise or remove activeDeadlineSeconds."},
			Doc:    "The Pod ran out of the time it was given. Not if the agent was done by then and another container went on.",
			Source: "kubelet, pkg/kubelet/active_deadline.go"},
		phase: Error, about: theDeadline, when: of(deadlineExceeded), unless: of(doneBeforeDeadline),
	},

	// How the agent ended.
	{
		Rule: Rule{ID: "PM200", Reason: "StopRequested", Terminal: true,
			Doc:    "Somebody deleted the Pod, and the agent ended for that: by any exit code, since harnesses end non-zero on SIGTERM. An agent that had ended before, or whose final status is older than the deletion, keeps its own outcome.",
			Source: "deletionTimestamp, generation and observedGeneration of the Pod, measured on Kubernetes 1.35"},
		phase: Stopped, about: theAgent, when: of(agentDone, agentStopAsked),
	},
	{
		Rule: Rule{ID: "PM232", Reason: "AgentStatusLost", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again: its node lost the container, and nobody knows how it ended."},
			Doc:    "The kubelet lost sight of the container. The exit code 137 that it writes then is made up, so none is given.",
			Source: "kubelet, reason ContainerStatusUnknown"},
		phase: Error, about: theAgent, when: of(agentDone, agentLost),
	},
	{
		Rule: Rule{ID: "PM236", Reason: "AgentExitUnknown", Terminal: true, Retryable: true,
			Hint:   Hint{"read-logs", "Read the agent's logs: its harness was killed by a signal, or its node restarted."},
			Doc:    "The exit code says nothing: there is one that is no number, or 255, which sciontool gives for a harness that a signal killed and a container runtime for one that a restart of the node ended.",
			Source: "sciontool supervisor; containerd reason Unknown"},
		phase: Error, about: theAgent, when: of(agentDone, noExitCode),
	},
	{
		Rule: Rule{ID: "PM212", Reason: "AgentCompletedChildOOM", Terminal: true,
			Hint:   Hint{"raise-memory", "The agent finished, but something it started ran out of memory: consider a higher memory limit."},
			Doc:    "The agent ended with 0 although the kernel killed a process in its container. The agent's own code says that it survived.",
			Source: "kubernetes/kubernetes#131530"},
		phase: Stopped, about: theAgent, when: of(agentDone, exitZero, oomKilled),
	},
	{
		Rule: Rule{ID: "PM211", Reason: "AgentCompletedPodFailed", Terminal: true,
			Hint:   Hint{"check-sidecars", "The agent finished; another container or a later event failed the Pod."},
			Doc:    "The agent ended with 0 in a Pod that Failed. Its work is done; the note sidecar-failed tells of the rest.",
			Source: "kubelet getPhase: one container that failed makes the Pod Failed"},
		phase: Stopped, about: theAgent, when: of(agentDone, exitZero, podFailed),
	},
	{
		Rule: Rule{ID: "PM210", Reason: "AgentCompleted", Terminal: true,
			Doc:    "The agent ended with 0 and will not be started again.",
			Source: "containerStatuses[].state.terminated"},
		phase: Stopped, about: theAgent, when: of(agentDone, exitZero),
	},
	{
		Rule: Rule{ID: "PM220", Reason: "LimitsExceeded", Terminal: true,
			Hint:   Hint{"raise-limits", "The agent used up its turns or its time: raise the limit and resume it."},
			Doc:    "The agent ended by a limit that it was given, which is a normal end.",
			Source: "sciontool: exit code 10"},
		phase: Stopped, about: theAgent, when: of(agentDone, exitLimits),
	},
	{
		Rule: Rule{ID: "PM230", Reason: "AgentOOMKilled", Terminal: true,
			Hint:   Hint{"raise-memory", "Raise the agent's memory limit."},
			Doc:    "The kernel killed the agent for its memory. Not with exit code 143: then SIGTERM ended it.",
			Source: "containerd and CRI-O: reason OOMKilled"},
		phase: Error, about: theAgent, when: of(agentDone, oomKilled), unless: of(endedBySIGTERM),
	},
	{
		Rule: Rule{ID: "PM231", Reason: "AgentStartError", Terminal: true,
			Hint:   Hint{"check-command", "Check the command, the entry point and the architecture of the image."},
			Doc:    "The container was made, but its command could not be run.",
			Source: "containerd: StartError; docker: ContainerCannotRun; kubelet: RunContainerError"},
		phase: Error, about: theAgent, when: of(agentDone, startFailed),
	},
	{
		Rule: Rule{ID: "PM233", Reason: "AgentTerminated", Terminal: true, Retryable: true,
			Hint:   Hint{"read-events", "Something outside the agent ended it: read the events of the Pod and of its node, and start it again."},
			Doc:    "SIGTERM, SIGINT or Control-C ended the agent, and no deletion of the Pod explains it.",
			Source: "exit codes 143 and 130, STATUS_CONTROL_C_EXIT on Windows"},
		phase: Error, about: theAgent, when: of(agentDone, signalStop),
	},
	{
		Rule: Rule{ID: "PM234", Reason: "AgentKilled", Terminal: true, Retryable: true,
			Hint:   Hint{"read-events", "The agent was killed by memory pressure, a liveness probe or by hand: read the events of the Pod, and start it again."},
			Doc:    "SIGKILL ended the agent, and no deletion of the Pod explains it.",
			Source: "exit code 137"},
		phase: Error, about: theAgent, when: of(agentDone, signalKill),
	},
	{
		Rule:  Rule{ID: "PM236"},
		phase: Error, about: theAgent, when: of(agentDone, exit255),
	},
	{
		Rule: Rule{ID: "PM235", Reason: "AgentCrashed", Terminal: true,
			Hint:   Hint{"read-logs", "The agent crashed: read its logs."},
			Doc:    "A signal that programs bring on themselves ended the agent, such as SIGSEGV or SIGABRT, or its code is negative as for Windows exceptions. It will most likely happen again.",
			Source: "exit codes 129 to 159"},
		phase: Error, about: theAgent, when: of(agentDone, signalOther),
	},
	{
		Rule:  Rule{ID: "PM235"},
		phase: Error, about: theAgent, when: of(agentDone, exitNegative),
	},
	{
		Rule: Rule{ID: "PM237", Reason: "AgentFailed", Terminal: true,
			Hint:   Hint{"read-logs", "The agent failed: read its logs."},
			Doc:    "The agent ended with another code. It will most likely happen again.",
			Source: "containerStatuses[].state.terminated"},
		phase: Error, about: theAgent, when: of(agentDone),
	},

	// Init containers that failed, and Pods that ended without their agent.
	{
		Rule:  Rule{ID: "PM200"},
		phase: Stopped, about: theInitBefore, when: of(initFailed, initStopAsked),
	},
	{
		Rule: Rule{ID: "PM252", Reason: "InitOOMKilled", Terminal: true,
			Hint:   Hint{"raise-memory", "Raise the memory limit of that init container."},
			Doc:    "An init container ran out of memory and will not be started again.",
			Source: "initContainerStatuses[].state.terminated, reason OOMKilled"},
		phase: Error, about: theInitBefore, when: of(initFailed, initOOMKilled),
	},
	{
		Rule: Rule{ID: "PM250", Reason: "CloneFailed", Terminal: true,
			Hint:   Hint{"check-repository", "Check the URL, the branch and the token of the repository."},
			Doc:    "The workspace could not be cloned, and it will not be tried again.",
			Source: "initContainerStatuses[].state.terminated"},
		phase: Error, about: theInitBefore, when: of(initFailed, initClones),
	},
	{
		Rule: Rule{ID: "PM251", Reason: "InitFailed", Terminal: true,
			Hint:   Hint{"read-logs", "Read the logs of that init container."},
			Doc:    "An init container failed and will not be started again.",
			Source: "initContainerStatuses[].state.terminated"},
		phase: Error, about: theInitBefore, when: of(initFailed),
	},
	{
		Rule: Rule{ID: "PM260", Reason: "PodSucceeded", Terminal: true,
			Doc:    "The Pod Succeeded and does not say how its agent ended.",
			Source: "status.phase"},
		phase: Stopped, when: of(podSucceeded),
	},
	{
		Rule:  Rule{ID: "PM200"},
		phase: Stopped, when: of(podFailed, deleting, statusCurrent), unless: of(agentRan),
	},
	{
		Rule:  Rule{ID: "PM232"},
		phase: Error, about: theAgentBefore, when: of(podFailed, agentWasLost),
	},
	{
		Rule: Rule{ID: "PM261", Reason: "PodFailed", Terminal: true, Retryable: true,
			Hint:   Hint{"read-events", "Read the message and the events of the Pod."},
			Doc:    "The Pod Failed and does not say how its agent ended.",
			Source: "status.phase"},
		phase: Error, when: of(podFailed),
	},

	// A deletion under way.
	{
		Rule: Rule{ID: "PM303", Name: "NodeUnreachableStopping", Reason: "NodeUnreachable",
			Hint:   Hint{"check-node", "Check the node. Delete the Pod by force only if the node is really gone."},
			Doc:    "The Pod is being deleted, and its node does not answer.",
			Source: "reason NodeLost, which older clusters and some providers set"},
		phase: Stopping, when: of(deleting, saidNodeLost),
	},
	{
		Rule: Rule{ID: "PM302", Reason: "StuckTerminating",
			Hint:   Hint{"check-finalizers", "Check the finalizers of the Pod, and its node."},
			Doc:    "The deletion is long overdue.",
			Source: "deletionTimestamp is when the Pod should be gone"},
		phase: Stopping, when: of(deleting, stuckDeleting),
	},
	{
		Rule: Rule{ID: "PM305", Name: "DisruptionFinal", Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again."},
			Doc:    "A disruption deletes the Pod and, by committedDisruption, counts already. Its reason is that of the disruption.",
			Source: "Scion since August 2026 judges so"},
		phase: byDisruption, about: theDeletion, when: of(deleting, disrupted, optCommittedFinal),
	},
	{
		Rule: Rule{ID: "PM301", Name: "DisruptionStopping",
			Hint:   Hint{"wait", "Wait until the Pod is gone; then the agent can be started again."},
			Doc:    "A disruption deletes the Pod. The agent may still run and use its workspace. Its reason is that of the disruption.",
			Source: "KEP-3329"},
		phase: Stopping, about: theDeletion, when: of(deleting, disrupted),
	},
	{
		Rule: Rule{ID: "PM300", Reason: "Stopping",
			Doc:    "The Pod is being deleted.",
			Source: "deletionTimestamp"},
		phase: Stopping, when: of(deleting),
	},

	// The node is out of reach: the phase stays what was last heard, and being
	// offline is an activity, not an error.
	{
		Rule: Rule{ID: "PM310", Reason: "NodeUnreachable",
			Hint:   Hint{"check-node", "Check the node: it does not answer, and the agent may well run on."},
			Doc:    "Nobody knows how the Pod is. The phase is what was heard last; Reconcile adds the activity offline.",
			Source: "status.phase Unknown; reason NodeLost"},
		phase: Running, about: theAgent, when: of(contactLost, agentRunning),
	},
	{
		Rule:  Rule{ID: "PM310"},
		phase: Starting, about: theAgent, when: of(contactLost, agentRan),
	},
	{
		Rule:  Rule{ID: "PM310"},
		phase: Provisioning, about: theAgent, when: of(contactLost),
	},

	// The agent runs.
	{
		Rule: Rule{ID: "PM901", Reason: "AgentContainerNotFound",
			Hint:   Hint{"name-agent", "Say which container is the agent: option agentContainer, or the annotation kubectl.kubernetes.io/default-container."},
			Doc:    "No container has the agent's name, and there is more than one to choose from.",
			Source: "Scion names the container agent"},
		phase: Running, when: of(agentNotFound, podRunning),
	},
	{
		Rule:  Rule{ID: "PM901"},
		phase: Provisioning, when: of(agentNotFound),
	},
	{
		Rule: Rule{ID: "PM501", Reason: "AgentStarting",
			Doc:    "The container runs, and its startup probe has not passed yet: on Scion, its home directory is being filled.",
			Source: "containerStatuses[].started"},
		phase: Starting, about: theAgent, when: of(agentRunning, agentUnstarted),
	},
	{
		Rule: Rule{ID: "PM502", Reason: "AgentNotReady",
			Doc:    "The agent runs and is not ready, and requireReady asks for that.",
			Source: "containerStatuses[].ready"},
		phase: Starting, about: theAgent, when: of(agentRunning, agentUnready, optRequireReady),
	},
	{
		Rule: Rule{ID: "PM503", Reason: "AgentRunningNotReady",
			Hint:   Hint{"check-probe", "The readiness probe fails; the agent may be busy or hung."},
			Doc:    "The agent runs and is not ready. It serves no traffic, so that is no reason to call it anything else.",
			Source: "containerStatuses[].ready"},
		phase: Running, about: theAgent, when: of(agentRunning, agentUnready),
	},
	{
		Rule: Rule{ID: "PM500", Reason: "AgentRunning",
			Doc:    "The agent runs, whatever the phase of the Pod: a sidecar that cannot start keeps that at Pending.",
			Source: "containerStatuses[].state.running"},
		phase: Running, about: theAgent, when: of(agentRunning),
	},

	// The agent is restarted.
	{
		Rule: Rule{ID: "PM240", Reason: "AgentRestarting",
			Doc:    "The agent ended and the kubelet will start it again, or is about to.",
			Source: "restartPolicy; KEP-5307"},
		phase: Starting, about: theAgent, when: of(agentEnded),
	},
	{
		Rule: Rule{ID: "PM447", Reason: "AgentCrashLoopOOM",
			Hint:   Hint{"raise-memory", "Raise the agent's memory limit."},
			Doc:    "The agent runs out of memory again and again.",
			Source: "kubelet, CrashLoopBackOff and lastState"},
		phase: Error, about: theAgentBefore, when: of(agentCrashLoop, agentWasOOMKilled),
	},
	{
		Rule: Rule{ID: "PM446", Reason: "AgentCrashLoop",
			Hint:   Hint{"read-previous-logs", "Read the logs of the run before: kubectl logs --previous."},
			Doc:    "The agent ends again and again. It may recover, so this is not terminal.",
			Source: "kubelet, CrashLoopBackOff"},
		phase: Error, about: theAgentBefore, when: of(agentCrashLoop),
	},
	{
		Rule: Rule{ID: "PM241", Reason: "AgentLost", Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again: its container vanished and will not come back."},
			Doc:    "The agent waits to be started, but it has ended before in a way after which it is not restarted: its container was removed behind the kubelet's back.",
			Source: "measured on Kubernetes 1.35, restartPolicy Never"},
		phase: Error, about: theAgentBefore, when: of(agentWaiting, agentEndedBefore), unless: of(agentRestarts),
	},

	// The Pod waits for a node.
	{
		Rule: Rule{ID: "PM406", Reason: "PodNotObserved",
			Doc:    "The Pod exists, and nobody has looked at it yet.",
			Source: "an empty status"},
		phase: Provisioning, when: of(unplaced, phaseMissing, schedulingUnsaid),
	},
	{
		Rule: Rule{ID: "PM400", Reason: "SchedulingGated",
			Hint:   Hint{"check-gates", "Waiting for whoever set the scheduling gates: a quota system such as Kueue."},
			Doc:    "The Pod is held back on purpose. It exists, so this is not created.",
			Source: "KEP-3521, spec.schedulingGates"},
		phase: Provisioning, about: theScheduling, when: of(unplaced, schedulingGated),
	},
	{
		Rule: Rule{ID: "PM401", Reason: "UnschedulableAutoscaling",
			Doc:    "No node fits, and the cluster makes more.",
			Source: "PodScheduled False, Unschedulable; option autoscaling"},
		phase: Provisioning, about: theScheduling, when: of(unplaced, noNodeFits, optAutoscaling),
	},
	{
		Rule: Rule{ID: "PM405", Reason: "PreemptingVictims",
			Doc:    "Other Pods are leaving a node to make room for this one.",
			Source: "status.nominatedNodeName"},
		phase: Provisioning, about: theScheduling, when: of(unplaced, unschedulable, victimsLeaving),
	},
	{
		Rule: Rule{ID: "PM403", Reason: "Unschedulable", Retryable: true,
			Hint:   Hint{"read-scheduler", "Read the scheduler's message: requests, node selectors, taints or an unbound claim."},
			Doc:    "No node fits, for longer than unschedulableGrace.",
			Source: "PodScheduled False, Unschedulable or SchedulerError"},
		phase: Error, about: theScheduling, when: of(unplaced, unschedulable, schedulingGraceOver),
	},
	{
		Rule: Rule{ID: "PM402", Reason: "UnschedulableGrace",
			Doc:    "No node fits yet. Binding a volume takes a moment, and so do nodes that are being made.",
			Source: "PodScheduled False, Unschedulable or SchedulerError"},
		phase: Provisioning, about: theScheduling, when: of(unplaced, unschedulable),
	},
	{
		Rule: Rule{ID: "PM404", Reason: "AwaitingScheduling",
			Doc:    "The scheduler has not decided.",
			Source: "PodScheduled"},
		phase: Provisioning, about: theScheduling, when: of(unplaced, podPending),
	},

	// An init container holds the agent up.
	{
		Rule: Rule{ID: "PM420", Reason: "Cloning",
			Doc:    "The workspace is being cloned.",
			Source: "initContainerStatuses[].state.running, option cloneInitContainers"},
		phase: Cloning, about: theInit, when: of(initRunning, initClones),
	},
	{
		Rule: Rule{ID: "PM421", Reason: "InitRunning",
			Doc:    "An init container runs, or a sidecar that has not passed its startup probe.",
			Source: "initContainerStatuses[].state.running; KEP-753"},
		phase: Provisioning, about: theInit, when: of(initRunning),
	},
	{
		Rule: Rule{ID: "PM423", Reason: "InitRetrying",
			Doc:    "An init container failed and will be started again.",
			Source: "restartPolicy"},
		phase: Cloning, about: theInit, when: of(initEnded, initClones),
	},
	{
		Rule:  Rule{ID: "PM423"},
		phase: Provisioning, about: theInit, when: of(initEnded),
	},
	{
		Rule: Rule{ID: "PM425", Reason: "CloneCrashLoop",
			Hint:   Hint{"check-repository", "Check the URL, the branch and the token of the repository, and read the logs of that init container."},
			Doc:    "Cloning fails again and again.",
			Source: "kubelet, CrashLoopBackOff"},
		phase: Error, about: theInitBefore, when: of(initCrashLoop, initClones),
	},
	{
		Rule: Rule{ID: "PM426", Reason: "SidecarCrashLoop",
			Hint:   Hint{"read-logs", "Read the logs of that sidecar: the agent cannot start without it."},
			Doc:    "A sidecar that the agent waits for ends again and again. Once the agent runs, that is only a note.",
			Source: "kubelet, CrashLoopBackOff; KEP-753"},
		phase: Error, about: theInitBefore, when: of(initCrashLoop, initIsSidecar),
	},
	{
		Rule: Rule{ID: "PM424", Reason: "InitCrashLoop",
			Hint:   Hint{"read-logs", "Read the logs of that init container."},
			Doc:    "An init container fails again and again.",
			Source: "kubelet, CrashLoopBackOff"},
		phase: Error, about: theInitBefore, when: of(initCrashLoop),
	},

	// The init container that is not finished, else the agent, cannot start.
	{
		Rule: Rule{ID: "PM440", Reason: "ImageInvalid",
			Hint:   Hint{"fix-image", "Fix the name of the image, its pull policy or its signature."},
			Doc:    "Waiting does not help: the name of the image is malformed, it must not be pulled, or its signature is wrong.",
			Source: "kubelet, pkg/kubelet/images/types.go: InvalidImageName, ErrImageNeverPull; cri-api: SignatureValidationFailed"},
		phase: Error, about: theWaiter, when: of(imageInvalid),
	},
	{
		Rule: Rule{ID: "PM442", Reason: "ImagePullFailed", Retryable: true,
			Hint:   Hint{"check-image", "Check the image, its tag, the pull secret and the registry."},
			Doc:    "The image cannot be pulled, for longer than imagePullGrace.",
			Source: "kubelet and cri-api: ErrImagePull, ImagePullBackOff, ImageInspectError, RegistryUnavailable"},
		phase: Error, about: theWaiter, when: of(imagePullFails, imageGraceOver),
	},
	{
		Rule: Rule{ID: "PM441", Reason: "ImagePullRetrying",
			Doc:    "The image cannot be pulled yet. Registries fail for a moment now and then.",
			Source: "kubelet and cri-api: ErrImagePull, ImagePullBackOff, ImageInspectError, RegistryUnavailable"},
		phase: Provisioning, about: theWaiter, when: of(imagePullFails),
	},
	{
		Rule: Rule{ID: "PM444", Reason: "ContainerConfigError",
			Hint:   Hint{"check-config", "Create the Secret, the ConfigMap or the key that is missing, or fix the securityContext."},
			Doc:    "The container's configuration is wrong, for longer than startErrorGrace. A person must act.",
			Source: "kubelet: CreateContainerConfigError"},
		phase: Error, about: theWaiter, when: of(configFails, startGraceOver),
	},
	{
		Rule: Rule{ID: "PM445", Reason: "ContainerStartError", Retryable: true,
			Hint:   Hint{"read-waiting", "Read the message: the runtime, a hook, a volume or the network."},
			Doc:    "The container cannot be made or started, for longer than startErrorGrace. Reasons that are not known yet count if they are named like the others: Err..., ...Error, ...BackOff.",
			Source: "kubelet, pkg/kubelet/container/sync_result.go and pkg/kubelet/kuberuntime"},
		phase: Error, about: theWaiter, when: of(startFails, startGraceOver),
	},
	{
		Rule: Rule{ID: "PM443", Reason: "ContainerConfigRetrying",
			Doc:    "The container cannot be made or started yet. Its Secret may come a moment after it.",
			Source: "kubelet, pkg/kubelet/container/sync_result.go and pkg/kubelet/kuberuntime"},
		phase: Provisioning, about: theWaiter, when: of(startFails),
	},
	{
		Rule: Rule{ID: "PM422", Reason: "InitWaiting",
			Doc:    "An init container has not started yet.",
			Source: "initContainerStatuses[].state.waiting"},
		phase: Provisioning, about: theInit, when: of(initBlocks),
	},

	// The agent is about to start.
	{
		Rule:  Rule{ID: "PM240"},
		phase: Starting, about: theAgentBefore, when: of(agentWaiting, agentEndedBefore),
	},
	{
		Rule: Rule{ID: "PM450", Reason: "ContainerCreating",
			Hint:   Hint{"wait", "If it takes long: a volume, the network or a big image."},
			Doc:    "The agent's container is being made.",
			Source: "kubelet: ContainerCreating"},
		phase: Provisioning, about: theAgent, when: of(agentWaiting, containerCreating),
	},
	{
		Rule: Rule{ID: "PM451", Reason: "PodInitializing",
			Doc:    "The agent's container is being made: in a Pod with init containers the kubelet says this even when they are done.",
			Source: "kubelet: PodInitializing"},
		phase: Provisioning, about: theAgent, when: of(agentWaiting, podInitializing),
	},
	{
		Rule: Rule{ID: "PM452", Reason: "ContainerCreated",
			Doc:    "The agent's container exists and has not been started.",
			Source: "kubelet: waiting with no reason, containerID set"},
		phase: Starting, about: theAgent, when: of(agentWaiting, reasonMissing, containerExists),
	},
	{
		Rule: Rule{ID: "PM455", Reason: "AgentWaiting",
			Doc:    "The agent waits, and nothing says for what.",
			Source: "containerStatuses[].state"},
		phase: Provisioning, about: theAgent, when: of(agentWaiting, reasonMissing),
	},
	{
		Rule: Rule{ID: "PM454", Reason: "WaitingUnknownReason",
			Doc:    "The agent waits for a reason that is not known, and that does not sound like trouble.",
			Source: "containerStatuses[].state.waiting"},
		phase: Provisioning, about: theAgent, when: of(agentWaiting),
	},

	// Nothing says how the agent is.
	{
		Rule: Rule{ID: "PM900", Reason: "AgentStatusMissing",
			Doc:    "The Pod is Running and says nothing of the agent; the kubelet leaves that out for a moment when it evicts. That is no reason to take the agent out of running.",
			Source: "measured on Kubernetes 1.35"},
		phase: Running, when: of(podRunning),
	},
	{
		Rule: Rule{ID: "PM407", Reason: "PodScheduledNoContainers",
			Doc:    "The Pod has a node, and the kubelet has not spoken yet.",
			Source: "spec.nodeName"},
		phase: Provisioning, when: of(podPending),
	},
	{
		Rule: Rule{ID: "PM999", Reason: "Unclassified",
			Doc:    "The Pod has a phase that is not known, and nothing else is said.",
			Source: "status.phase"},
		phase: Provisioning,
	},
}, absent: []row{
	{
		Rule: Rule{ID: "PM004", Name: "GoneAsAsked", Reason: "StopRequested", Terminal: true,
			Doc:    "The Pod is gone, and somebody wanted it to be. Scion itself deletes with grace 0, so that stopping is never seen.",
			Source: "Scion, stop in the Kubernetes runtime"},
		phase: Stopped, when: of(nothingKnown, stopRequested),
	},
	{
		Rule:  Rule{ID: "PM001"},
		phase: Created, when: of(nothingKnown),
	},
	{
		Rule: Rule{ID: "PM002", Name: "OutcomeKnown", Terminal: true,
			Doc:    "How the agent ended was known before its Pod went. All stays as it was but the rule.",
			Source: "a terminal verdict is about one Pod for ever"},
		phase: asOutcome, when: of(lastTerminal),
	},
	{
		Rule: Rule{ID: "PM003", Name: "DisruptionDone", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again."},
			Doc:    "The disruption that was deleting the Pod is through with it. The reason stays.",
			Source: "KEP-3329"},
		phase: asDisrupted, when: of(lastDisrupted),
	},
	{
		Rule:  Rule{ID: "PM004"},
		phase: Stopped, when: of(stopRequested),
	},
	{
		Rule:  Rule{ID: "PM004"},
		phase: Stopped, when: of(lastStopping),
	},
	{
		Rule: Rule{ID: "PM005", Name: "AbsentBriefly",
			Doc:    "The Pod may be back in a moment: a cache lags behind, or its name is used again. All stays as it was but the rule.",
			Source: "option absentGrace"},
		phase: asLast, when: of(absentBriefly),
	},
	{
		Rule: Rule{ID: "PM006", Reason: "PodVanished", Terminal: true, Retryable: true,
			Hint:   Hint{"start-again", "Start the agent again, if nobody meant to stop it."},
			Doc:    "The Pod is gone, and nobody saw why.",
			Source: "option vanishedPhase"},
		phase: byVanished,
	},
}, reconcile: []row{
	{
		Rule: Rule{ID: "RC00", Name: "NoReport",
			Doc:    "The agent says nothing.",
			Source: "an agent without a hub"},
		phase: asPod, when: of(selfSilent),
	},
	{
		Rule: Rule{ID: "RC05", Name: "Offline",
			Doc:    "The node is out of reach, and so is the agent: its last words are old. A running agent is offline.",
			Source: "Scion, activity offline"},
		phase: asPod, activity: offline, when: of(podUnreachable),
	},
	{
		Rule: Rule{ID: "RC12", Name: "LimitsThenKilled",
			Doc:    "The agent had reached its limit and was killed while winding down. Not if it ran out of memory.",
			Source: "Scion, activity limits_exceeded"},
		phase: Stopped, when: of(podCutOff, selfLimits),
	},
	{
		Rule: Rule{ID: "RC13", Name: "CompletedThenDisrupted",
			Doc:    "The agent had completed its task before a disruption ended it.",
			Source: "Scion, activity completed"},
		phase: Stopped, when: of(podDisrupted, selfCompleted),
	},
	{
		Rule: Rule{ID: "RC10", Name: "PodEnded",
			Doc:    "The Pod has ended; what the agent said before does not change that.",
			Source: "Scion, a terminal phase of the runtime wins"},
		phase: asPod, when: of(podTerminal),
	},
	{
		Rule: Rule{ID: "RC20", Name: "PodStopping",
			Doc:    "The Pod is being deleted.",
			Source: "deletionTimestamp"},
		phase: asPod, when: of(podStopping),
	},
	{
		Rule: Rule{ID: "RC50", Name: "PodInTrouble",
			Doc:    "The Pod is in trouble that may pass; the agent does not run and cannot know.",
			Source: "the rules of Map that are not terminal"},
		phase: asPod, when: of(podError),
	},
	{
		Rule: Rule{ID: "RC31", Name: "SettingUp",
			Doc:    "The container runs, and the agent in it still sets itself up: cloning happens there too. A live Pod is never created, so that reads starting.",
			Source: "sciontool, pre-start and clone hooks; the start gate of Scion's Pods"},
		phase: Starting, when: of(podAtWork, selfFresh, selfCreated),
	},
	{
		Rule:  Rule{ID: "RC31"},
		phase: asSelf, when: of(podAtWork, selfFresh, selfPreparing),
	},
	{
		Rule: Rule{ID: "RC33", Name: "WindingDown",
			Doc:    "The agent is ending.",
			Source: "sciontool, pre-stop hook"},
		phase: Stopping, when: of(podAtWork, selfFresh, selfStopping),
	},
	{
		Rule: Rule{ID: "RC35", Name: "SelfError",
			Doc:    "The agent says that it failed, a moment before its container ends.",
			Source: "sciontool, a failed clone"},
		phase: Error, when: of(podAtWork, selfFresh, selfError),
	},
	{
		Rule: Rule{ID: "RC34", Name: "SelfEnded",
			Doc:    "The agent says that it ended, but its container runs: it has been started again since.",
			Source: "Scion, pkg/agent/list.go"},
		phase: Running, activity: unlessEnded, when: of(podAtWork, selfGone),
	},
	{
		Rule: Rule{ID: "RC30", Name: "BothRunning",
			Doc:    "Both say running.",
			Source: "Scion, activities"},
		phase: Running, activity: reported, when: of(podAtWork, selfRunning),
	},
	{
		Rule: Rule{ID: "RC36", Name: "SelfUnknown",
			Doc:    "The agent reports a phase that means nothing.",
			Source: "Scion writes unknown, and its hub stores any string"},
		phase: Running, activity: reported, when: of(podAtWork, selfUnusable),
	},
	{
		Rule: Rule{ID: "RC32", Name: "SelfStale",
			Doc:    "The report is older than the container, or nobody knows how old: it is about a run before.",
			Source: "agent-info.json outlives the Pod"},
		phase: Running, activity: reported, when: of(podAtWork),
	},
	{
		Rule: Rule{ID: "RC41", Name: "StartingBySelf",
			Doc:    "The container runs, its startup probe has not passed, and the agent says what it is doing meanwhile.",
			Source: "sciontool, pre-start and clone hooks"},
		phase: asSelf, when: of(podStarting, selfFresh, selfSettingUp),
	},
	{
		Rule: Rule{ID: "RC40", Name: "NotRunningYet",
			Doc:    "The agent does not run yet; what it says is about a run before.",
			Source: "a container that does not run says nothing"},
		phase: asPod,
	},
}})
