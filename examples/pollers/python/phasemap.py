"""The phase of an AI coding agent, from the Pod it runs in.

A complete implementation of the phasemap decision table in one file that needs
nothing but the standard library (Python 3.9 or newer). Copy it into a poller:

    result = phasemap.map_pod(pod, phasemap.Options(), now)  # a pod that was read
    result = phasemap.map_absent(last, stop_requested=False)  # a confirmed 404
    report = phasemap.reconcile(result, self_report)          # plus the agent's word

Pods are plain dicts, as json.loads makes them of what the API server sends.
Nothing here reads a clock, logs, or raises for anything a pod may contain: a
field of the wrong type reads as absent. A failed read is not a 404: keep the
last result then.

The rules are data, RULES below, first match wins; change a rule there and run
the golden suite (see README.md) to learn what else changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from operator import attrgetter
from typing import Any, Callable, Mapping, Optional, Union

PHASES = ("created", "provisioning", "cloning", "starting", "running", "stopping", "stopped", "error")
_FINAL = ("stopped", "error")  # only these can be terminal or retryable


@dataclass(frozen=True)
class Options:
    """What a cluster or an installation may want different. Durations are seconds."""

    agent_container: str = "agent"
    clone_init_containers: tuple[str, ...] = ("git-clone", "workspace-provision")
    autoscaling: bool = False
    unschedulable_grace: float = 60
    image_pull_grace: float = 300
    start_error_grace: float = 60
    stuck_terminating_after: float = 300
    limits_exit_codes: tuple[int, ...] = (10,)
    disruption_phase: str = "auto"  # auto, error, stopped
    workspace_volume: str = "workspace"
    committed_disruption: str = "stopping"  # stopping, final
    require_ready: bool = False
    assumed_restart_policy: str = "Never"  # of a document without a spec
    absent_grace: float = 10
    vanished_phase: str = "stopped"

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> Options:
        """Options by their camelCase names; an unknown name is a TypeError."""
        return cls(**{_snake(k): tuple(v) if isinstance(v, list) else v for k, v in options.items()})


@dataclass(frozen=True)
class Result:
    """What a pod says about its agent.

    terminal: this pod will not leave the phase by itself. retryable: starting
    the same spec again may help. Both only with stopped or error. Report an
    error that is not terminal only after it has held for a while.
    """

    phase: str
    rule: str
    reason: str = ""
    terminal: bool = False
    retryable: bool = False
    exit_code: Optional[int] = None
    container: Optional[str] = None
    notes: tuple[str, ...] = ()
    message: str = ""
    disruption_phase: Optional[str] = None  # what map_absent needs once the pod is gone

    def to_json(self) -> dict[str, Any]:
        """The result under the camelCase names of the protocol."""
        result = {_camel(k): list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}
        if self.disruption_phase is None:
            del result["disruptionPhase"]
        return result

    @classmethod
    def from_json(cls, result: Mapping[str, Any]) -> Result:
        """The inverse of to_json; names it does not know are ignored."""
        known = {_snake(k): tuple(v) if isinstance(v, list) else v for k, v in result.items()}
        return cls(**{k: v for k, v in known.items() if k in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Report:
    """A pod's result brought together with what the agent says of itself."""

    phase: str
    activity: str
    rule: str
    source: str  # pod or self: whose phase it is
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "notes": list(self.notes)}


# --- Reading JSON leniently -------------------------------------------------


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda m: "_" + m.group().lower(), name)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda m: m.group(1).upper(), name)


def _obj(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objs(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _named(value: Any) -> list[Mapping[str, Any]]:
    """What has no name is no container, volume or gate: null in a list becomes that."""
    return [v for v in _objs(value) if _str(v.get("name"))]


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _int(value: Any, bits: int = 64) -> Optional[int]:
    """An integral JSON number that fits. In Python True is an int; in JSON it is not."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    limit = 2 ** (bits - 1)
    return value if isinstance(value, int) and -limit <= value < limit else None


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_NO_TIME = datetime(1, 1, 1, tzinfo=timezone.utc)  # what clients in Go write for none


def parse_time(value: Any) -> Optional[datetime]:
    """RFC 3339 as the API reads it, in whole seconds.

    The API takes an hour of one digit and a comma before the fraction, too;
    fromisoformat takes more than that, and before 3.11 no Z.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return None
    *fields, sign, hours, minutes = match.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if int(hours) > 24 or int(minutes) > 60:
        return None
    try:
        moment = datetime(*map(int, fields), tzinfo=timezone.utc)
        moment += -offset if sign == "+" else offset
    except (ValueError, OverflowError):
        return None
    return moment if moment > _NO_TIME else None


# --- One container ----------------------------------------------------------

_INT32_MAX, _UINT32_MAX = 2**31 - 1, 2**32 - 1
_WINDOWS_CTRL_C = -1073741510  # 0xC000013A, STATUS_CONTROL_C_EXIT
_STATUS_UNKNOWN = "ContainerStatusUnknown"  # the kubelet lost the container and made up 137
_OOM = "OOMKilled"
_NEVER_STARTED = ("StartError", "ContainerCannotRun", "RunContainerError")
_SIGNALS = range(1, 32)  # the signals that have names


class Terminated:
    """A terminated state, with the exit code as the API means it."""

    def __init__(self, state: Mapping[str, Any]):
        self.reason = _str(state.get("reason"))
        self.message = _str(state.get("message"))
        self.finished_at = parse_time(state.get("finishedAt"))
        self.code = self._code(state.get("exitCode"))
        self.signal = self._signal(_int(state.get("signal"), 32))

    def _code(self, raw: Any) -> Optional[int]:
        if self.reason == _STATUS_UNKNOWN:
            return None
        if raw is None:
            return 0  # typed clients cannot tell a missing 0 from 0
        code = _int(raw)
        if code is not None and _INT32_MAX < code <= _UINT32_MAX:
            code -= 2**32
        return code if code is not None and -(2**31) <= code <= _INT32_MAX else None

    def _signal(self, field_value: Optional[int]) -> Optional[int]:
        number = field_value or (self.code or 0) - 128
        return number if number in _SIGNALS else None

    @property
    def oom(self) -> bool:
        return self.reason == _OOM

    @property
    def interrupted(self) -> bool:
        """Asked to end: SIGINT, SIGTERM or Control-C."""
        return self.signal in (2, 15) or self.code == _WINDOWS_CTRL_C

    @property
    def crashed(self) -> bool:
        return self.signal is not None or (self.code is not None and self.code < 0)


class Container:
    """A container's spec and status together, found by name."""

    def __init__(self, name: str, spec: Mapping[str, Any], status: Optional[Mapping[str, Any]]):
        self.name, self.spec, self.has_status = name, spec, status is not None
        status = status or {}
        state, last = _obj(status.get("state")), _obj(status.get("lastState"))
        self.terminated = Terminated(state["terminated"]) if isinstance(state.get("terminated"), dict) else None
        self.running = self.terminated is None and isinstance(state.get("running"), dict)
        self.waiting = self.has_status and self.terminated is None and not self.running
        self.waiting_reason = _str(_obj(state.get("waiting")).get("reason")) if self.waiting else ""
        self.waiting_message = _str(_obj(state.get("waiting")).get("message")) if self.waiting else ""
        self.last = Terminated(last["terminated"]) if isinstance(last.get("terminated"), dict) else None
        self.started, self.ready = status.get("started"), status.get("ready") is True
        self.created = _str(status.get("containerID")) != ""
        self.restarted = (_int(status.get("restartCount"), 32) or 0) > 0

    @property
    def ended(self) -> bool:
        return self.terminated is not None

    @property
    def ever_ran(self) -> bool:
        return self.running or self.terminated is not None or self.last is not None or self.restarted

    @property
    def last_reason(self) -> str:
        return self.last.reason if self.last else ""

    @property
    def restartable(self) -> bool:
        """As an init container: a native sidecar."""
        return self.spec.get("restartPolicy") == "Always"

    def will_restart(self, exited: Terminated, pod_policy: str) -> bool:
        if exited.reason == "RestartingAllContainers":
            return True
        for rule in _objs(self.spec.get("restartPolicyRules")):
            if _rule_matches(_obj(rule.get("exitCodes")), exited.code):
                return True
        policy = _str(self.spec.get("restartPolicy")) or pod_policy
        return policy == "Always" or (policy == "OnFailure" and exited.code != 0)


def _rule_matches(exit_codes: Mapping[str, Any], code: Optional[int]) -> bool:
    if code is None:
        return False  # no rule is about a code that nobody knows
    values = exit_codes.get("values")
    listed = code in [_int(v) for v in values] if isinstance(values, list) else False
    return {"In": listed, "NotIn": not listed}.get(_str(exit_codes.get("operator")), False)


NOBODY = Container("", {}, None)  # the agent or init container that there is not
UNLISTED = Container("", {}, None)  # the agent of a pod that names no container at all


# --- What the rules ask about a pod -----------------------------------------

_OWN_LIMIT = re.compile(
    "exceeded its local ephemeral storage limit|exceeds the total limit of containers"
    "|^Usage of EmptyDir volume.*exceeds the limit",
    re.DOTALL,
)


class Facts:
    """The values derived from a pod before any rule is asked."""

    def __init__(self, pod: Mapping[str, Any], options: Options, now: Optional[datetime]):
        self.options, self.now = options, now.replace(microsecond=0) if now else None
        self.meta, self.spec, self.status = (_obj(pod.get(k)) for k in ("metadata", "spec", "status"))
        self.phase = _str(self.status.get("phase"))
        self.reason = _str(self.status.get("reason"))
        self.message = _str(self.status.get("message"))
        self.conditions = {_str(c.get("type")): c for c in _objs(self.status.get("conditions"))}
        self.deletion = parse_time(self.meta.get("deletionTimestamp"))
        self.deleting = self.deletion is not None
        self.failed = self.phase == "Failed"
        self.pod_terminal = self.phase in ("Succeeded", "Failed")
        self.containers = self._join("containers", "containerStatuses")
        self.inits = self._join("initContainers", "initContainerStatuses")
        self.agent, self.agent_fallback = self._find_agent()
        self.agent_found = self.agent is not NOBODY

    def _join(self, specs: str, statuses: str) -> list[Container]:
        """Specs and statuses by name: in spec order, or in status order without specs."""
        declared, observed = _named(self.spec.get(specs)), _named(self.status.get(statuses))
        specs_by_name, by_name = ({s["name"]: s for s in reversed(each)} for each in (declared, observed))
        order = dict.fromkeys(s["name"] for s in declared or observed)
        return [Container(name, specs_by_name.get(name, {}), by_name.get(name)) for name in order]

    def _find_agent(self) -> tuple[Container, bool]:
        """The agent's container, and whether another than the one asked for was taken."""
        by_name = {c.name: c for c in self.containers}
        wanted = self.options.agent_container
        listed = _named(self.spec.get("containers")) or _named(self.status.get("containerStatuses"))
        if wanted in by_name or not listed:
            return by_name.get(wanted, UNLISTED), False
        named = _str(_obj(self.meta.get("annotations")).get("kubectl.kubernetes.io/default-container"))
        if named in by_name:
            return by_name[named], True
        return (self.containers[0], True) if len(listed) == 1 else (NOBODY, False)

    # Policy and clock.

    @cached_property
    def restart_policy(self) -> str:
        return _str(self.spec.get("restartPolicy")) or self.options.assumed_restart_policy

    def will_restart(self, container: Container, exited: Terminated) -> bool:
        return container.will_restart(exited, self.restart_policy)

    def within(self, start: Optional[datetime], grace: float) -> bool:
        """Half open. What cannot be measured is inside, but a grace of 0 has no inside."""
        if grace <= 0:
            return False
        if self.now is None or start is None:
            return True
        return (self.now - start).total_seconds() < grace

    @cached_property
    def stuck_terminating(self) -> bool:
        """deletionTimestamp already includes the grace of the pod."""
        if self.now is None or self.deletion is None:
            return False
        return (self.now - self.deletion).total_seconds() > self.options.stuck_terminating_after

    def condition_is(self, kind: str, status: str) -> bool:
        return _str(self.conditions.get(kind, {}).get("status")) == status

    def condition_time(self, kind: str) -> Optional[datetime]:
        return parse_time(self.conditions.get(kind, {}).get("lastTransitionTime"))

    # The agent.

    @cached_property
    def agent_done(self) -> bool:
        if self.agent.terminated is None:
            return False
        return self.pod_terminal or self.deleting or not self.will_restart(self.agent, self.agent.terminated)

    @cached_property
    def exited(self) -> Terminated:
        """How the agent ended; ask only when agent_done."""
        assert self.agent.terminated
        return self.agent.terminated

    @cached_property
    def limits_exceeded(self) -> bool:
        return self.exited.code in self.options.limits_exit_codes

    @cached_property
    def unready_is_starting(self) -> bool:
        return not self.agent.ready and self.options.require_ready

    def agent_waits(self, reason: str) -> bool:
        return self.agent.waiting and self.agent.waiting_reason == reason

    @cached_property
    def agent_gone_for_good(self) -> bool:
        """The container vanished; a waiting state remains that nothing will end."""
        agent = self.agent
        return agent.waiting and agent.last is not None and not self.will_restart(agent, agent.last)

    # Disruptions.

    @cached_property
    def disruption(self) -> str:
        """Preempted, NodeShutdown, NodeLost, EvictedOwnLimit, Evicted, or none."""
        target = self.condition_is("DisruptionTarget", "True")
        why = _str(self.conditions.get("DisruptionTarget", {}).get("reason")) if target else ""
        if self.reason == "Preempting" or why == "PreemptionByScheduler":
            return "Preempted"
        if self.reason in ("Terminated", "Shutdown") and self.pod_terminal:
            return "NodeShutdown"
        if self.reason == "NodeLost" or why == "DeletionByPodGC":
            return "NodeLost"
        if self.reason == "Evicted" and not target and _OWN_LIMIT.search(self.message):
            return "EvictedOwnLimit"
        return "Evicted" if self.reason == "Evicted" or target else ""

    @cached_property
    def outcome_precedes_disruption(self) -> bool:
        """The agent ended in an earlier second than the disruption was decided."""
        ended = self.agent.terminated
        if ended is None or ended.reason == _STATUS_UNKNOWN or not self.condition_is("DisruptionTarget", "True"):
            return False
        decided = self.condition_time("DisruptionTarget")
        return bool(ended.finished_at and decided and ended.finished_at < decided)

    @cached_property
    def final_disruption(self) -> str:
        over = (self.pod_terminal or self.agent_done) and not self.outcome_precedes_disruption
        return self.disruption if over else ""

    @cached_property
    def disruption_is_final(self) -> bool:
        return self.options.committed_disruption == "final"

    @cached_property
    def disruption_phase(self) -> str:
        """auto: work on a claim or NFS survives (stopped), work in an emptyDir is lost (error)."""
        if self.options.disruption_phase != "auto":
            return self.options.disruption_phase
        for volume in _named(self.spec.get("volumes")):
            kept = isinstance(volume.get("persistentVolumeClaim"), dict) or isinstance(volume.get("nfs"), dict)
            if kept and volume["name"] == self.options.workspace_volume:
                return "stopped"
        return "error"

    # Stops that somebody asked for.

    @cached_property
    def stale(self) -> bool:
        """The kubelet has not yet seen this generation of the pod."""
        seen, generation = _int(self.status.get("observedGeneration")), _int(self.meta.get("generation"))
        return bool(seen) and seen < (generation or 0)

    def stopped_on_request(self, ended: Terminated) -> bool:
        """The container ended because the pod was being deleted, not before."""
        if self.deletion is None or self.stale:
            return False
        if ended.reason == _STATUS_UNKNOWN:
            return True
        if ended.finished_at is None:
            return ended.code in (0, 130, 137, 143, _WINDOWS_CTRL_C)
        # The kubelet's last step sets the grace to 0 and moves deletionTimestamp,
        # so the longest possible way back is taken then.
        back = _int(self.meta.get("deletionGracePeriodSeconds")) or 0
        if back <= 0:
            back = max(30, _int(self.spec.get("terminationGracePeriodSeconds")) or 0) + 2
        return (self.deletion - ended.finished_at).total_seconds() <= back

    @cached_property
    def deleted_before_start(self) -> bool:
        return self.deleting and not self.stale and not self.agent.ever_ran

    # Rejection and deadline.

    @cached_property
    def rejected(self) -> bool:
        if not self.failed:
            return False
        return (
            self.reason.startswith("OutOf")
            or self.reason in _REJECTED
            or (not self.agent.has_status and self.message.startswith("Pod was rejected"))
        )

    @cached_property
    def deadline_exceeded(self) -> bool:
        """Unless the agent had ended by itself before the deadline."""
        if not self.failed or self.reason != "DeadlineExceeded":
            return False
        start, limit = parse_time(self.status.get("startTime")), _int(self.spec.get("activeDeadlineSeconds"))
        if not self.agent_done or start is None or limit is None or self.exited.finished_at is None:
            return True
        return (self.exited.finished_at - start).total_seconds() >= limit

    # Init containers.

    @cached_property
    def init(self) -> Container:
        """The init container that keeps the agent from starting."""
        if self.condition_is("Initialized", "True") and self.agent.ever_ran and not self.failed:
            return NOBODY
        for init in self.inits:
            if init.restartable and init.started is True:
                continue
            if not init.restartable and init.terminated and init.terminated.code == 0:
                continue
            return init
        return NOBODY

    @cached_property
    def init_failure(self) -> Optional[Terminated]:
        """How the blocking init container failed, when it will not be tried again."""
        init = self.init
        if init.restartable or (self.deleting and not self.failed):
            return None
        ended = init.terminated or (init.last if self.failed and init.waiting else None)
        if ended is None or ended.code == 0:
            return None
        return ended if self.failed or not self.will_restart(init, ended) else None

    @cached_property
    def init_is_clone(self) -> bool:
        return self.init.name in self.options.clone_init_containers

    # Waiting.

    @cached_property
    def unscheduled(self) -> bool:
        """No sign that a node was found."""
        placed = self.condition_is("PodScheduled", "True") or _str(self.spec.get("nodeName")) != ""
        observed = any(_named(self.status.get(k)) for k in ("containerStatuses", "initContainerStatuses"))
        return not placed and not observed

    @cached_property
    def scheduled_reason(self) -> str:
        return _str(self.conditions.get("PodScheduled", {}).get("reason"))

    @cached_property
    def gated(self) -> bool:
        return _named(self.spec.get("schedulingGates")) != [] or self.scheduled_reason == "SchedulingGated"

    @cached_property
    def scheduling_failed(self) -> str:
        """Unschedulable, SchedulerError, or nothing."""
        known = self.scheduled_reason in ("Unschedulable", "SchedulerError")
        return self.scheduled_reason if known and self.condition_is("PodScheduled", "False") else ""

    @cached_property
    def unobserved(self) -> bool:
        return self.phase == "" and "PodScheduled" not in self.conditions

    @cached_property
    def waits_for_autoscaler(self) -> bool:
        return self.scheduling_failed == "Unschedulable" and self.options.autoscaling

    @cached_property
    def nominated(self) -> bool:
        """Other pods are leaving a node to make room."""
        return _str(self.status.get("nominatedNodeName")) != ""

    @cached_property
    def created_at(self) -> Optional[datetime]:
        return parse_time(self.meta.get("creationTimestamp"))

    @cached_property
    def scheduling_settling(self) -> bool:
        return self.within(self.condition_time("PodScheduled") or self.created_at, self.options.unschedulable_grace)

    def waiting_since(self, container: Container) -> Optional[datetime]:
        """When everything this container waited for had happened."""
        gates = ["PodScheduled", "PodReadyToStartContainers"]
        if container is self.agent:
            gates.append("Initialized")
        events = [self.condition_time(gate) for gate in gates if self.condition_is(gate, "True")]
        if container is not self.agent:
            earlier = self.inits[: self.inits.index(container)]
            events += [i.terminated.finished_at for i in earlier if i.terminated]
        elif container.last:
            events.append(container.last.finished_at)
        known = [e for e in events if e is not None]
        return max(known) if known else parse_time(self.status.get("startTime")) or self.created_at

    @cached_property
    def notes(self) -> tuple[str, ...]:
        statuses = _named(self.status.get("containerStatuses"))
        others = [Container(s["name"], {}, s) for s in statuses if s["name"] != self.agent.name]
        found = {
            "agent-container-fallback": self.agent_fallback,
            "pod-lingering": self.agent_done and not self.pod_terminal and not self.deleting,
            "sidecar-failed": any(c.terminated and c.terminated.code != 0 for c in others),
            "stale-status": self.stale,
        }
        return tuple(sorted(note for note, holds in found.items() if holds))


_REJECTED_FOR_GOOD = frozenset(
    "AppArmor SysctlForbidden PodOSSelectorNodeLabelDoesNotMatch PodOSNotSupported "
    "InitContainerRestartPolicyForbidden SupplementalGroupsPolicyNotSupported "
    "PodLevelResourcesNotSupported PodFeatureUnsupported".split()
)
_REJECTED = frozenset(
    "UnexpectedAdmissionError NodeAffinity NodeName NodePorts NodeUnschedulable TaintToleration "
    "MatchNodeSelector HostName TopologyAffinityError SMTAlignmentError NodeShutdown "
    "VolumeAttachmentLimitExceeded InvalidNodeInfo UnknownReason UnexpectedPredicateFailureType".split()
)
_IMAGE_INVALID = frozenset("InvalidImageName ErrImageNeverPull SignatureValidationFailed".split())
_IMAGE_PULL = frozenset("ErrImagePull ImagePullBackOff ImageInspectError RegistryUnavailable".split())
_CRASH_LOOP = "CrashLoopBackOff"
_CONFIG_ERROR = "CreateContainerConfigError"


def _is_start_error(reason: str) -> bool:
    """Known start errors, and whatever a future kubelet will call one."""
    if reason in (_CRASH_LOOP, _CONFIG_ERROR) or reason in _IMAGE_INVALID or reason in _IMAGE_PULL:
        return False
    return reason == "ContainerCannotRun" or reason.startswith("Err") or reason.endswith(("Error", "BackOff"))


# --- The table --------------------------------------------------------------

Test = Callable[[Facts], bool]
Text = Union[str, Callable[[Facts], str]]


@dataclass(frozen=True)
class Rule:
    """One line of the table.

    flags: T terminal, R retryable. about: whose verdict it is, which decides
    container and exit code of the result: pod, agent, last (the agent's previous
    run) or init.
    """

    id: str
    phase: Text
    reason: Text
    flags: str
    about: str
    when: Test


def _block(guard: Test, *rules: Rule) -> tuple[Rule, ...]:
    """Rules that share a condition."""
    return tuple(replace(r, when=lambda f, when=r.when: guard(f) and when(f)) for r in rules)


def _always(_: Facts) -> bool:
    return True


def _waiting_family(about: str) -> tuple[Rule, ...]:
    """Waiting reasons that mean the same for the agent and for an init container."""
    container: Callable[[Facts], Container] = attrgetter(about)

    def reason(f: Facts) -> str:
        return container(f).waiting_reason

    def cannot_pull(f: Facts) -> bool:
        return reason(f) in _IMAGE_PULL

    def pulling(f: Facts) -> bool:
        return f.within(f.waiting_since(container(f)), f.options.image_pull_grace)

    def settling(f: Facts) -> bool:
        return f.within(f.waiting_since(container(f)), f.options.start_error_grace)

    def config_error(f: Facts) -> bool:
        return reason(f) == _CONFIG_ERROR

    def start_error(f: Facts) -> bool:
        return _is_start_error(reason(f))

    def retrying(f: Facts) -> bool:
        return (config_error(f) or start_error(f)) and settling(f)

    return (
        Rule("PM440", "error", "ImageInvalid", "", about, lambda f: reason(f) in _IMAGE_INVALID),
        Rule("PM441", "provisioning", "ImagePullRetrying", "", about, lambda f: cannot_pull(f) and pulling(f)),
        Rule("PM442", "error", "ImagePullFailed", "R", about, cannot_pull),
        Rule("PM443", "provisioning", "ContainerConfigRetrying", "", about, retrying),
        Rule("PM444", "error", "ContainerConfigError", "", about, config_error),
        Rule("PM445", "error", "ContainerStartError", "R", about, start_error),
    )


def _disrupted(f: Facts) -> str:
    return f.disruption_phase


def _kind(f: Facts) -> str:
    return f.disruption


RULES: tuple[Rule, ...] = (
    # 1. Final outcomes that came from outside the agent.
    Rule("PM100", _disrupted, "Preempted", "TR", "agent", lambda f: f.final_disruption == "Preempted"),
    Rule("PM101", _disrupted, "NodeShutdown", "TR", "agent", lambda f: f.final_disruption == "NodeShutdown"),
    Rule("PM102", _disrupted, "NodeLost", "TR", "agent", lambda f: f.final_disruption == "NodeLost"),
    Rule("PM104", "error", "EvictedOwnLimit", "T", "agent", lambda f: f.final_disruption == "EvictedOwnLimit"),
    Rule("PM103", _disrupted, "Evicted", "TR", "agent", lambda f: f.final_disruption == "Evicted"),
    Rule("PM111", "error", "NodeRejectedPermanent", "T", "pod", lambda f: f.failed and f.reason in _REJECTED_FOR_GOOD),
    Rule("PM110", "error", "NodeRejected", "TR", "pod", lambda f: f.rejected),
    Rule("PM120", "error", "DeadlineExceeded", "T", "agent", lambda f: f.deadline_exceeded),
    # 2. The agent's own outcome.
    *_block(
        lambda f: f.agent_done,
        Rule("PM200", "stopped", "StopRequested", "T", "agent", lambda f: f.stopped_on_request(f.exited)),
        Rule("PM232", "error", "AgentStatusLost", "TR", "agent", lambda f: f.exited.reason == _STATUS_UNKNOWN),
        Rule("PM236", "error", "AgentExitUnknown", "TR", "agent", lambda f: f.exited.code is None),
        Rule("PM212", "stopped", "AgentCompletedChildOOM", "T", "agent", lambda f: f.exited.code == 0 and f.exited.oom),
        Rule("PM211", "stopped", "AgentCompletedPodFailed", "T", "agent", lambda f: f.exited.code == 0 and f.failed),
        Rule("PM210", "stopped", "AgentCompleted", "T", "agent", lambda f: f.exited.code == 0),
        Rule("PM220", "stopped", "LimitsExceeded", "T", "agent", lambda f: f.limits_exceeded),
        Rule("PM230", "error", "AgentOOMKilled", "T", "agent", lambda f: f.exited.oom and f.exited.code != 143),
        Rule("PM231", "error", "AgentStartError", "T", "agent", lambda f: f.exited.reason in _NEVER_STARTED),
        Rule("PM233", "error", "AgentTerminated", "TR", "agent", lambda f: f.exited.interrupted),
        Rule("PM234", "error", "AgentKilled", "TR", "agent", lambda f: f.exited.signal == 9),
        Rule("PM236", "error", "AgentExitUnknown", "TR", "agent", lambda f: f.exited.code in (255, -1)),
        Rule("PM235", "error", "AgentCrashed", "T", "agent", lambda f: f.exited.crashed),
        Rule("PM237", "error", "AgentFailed", "T", "agent", _always),
    ),
    # 3. Init failure, and pods without a usable agent outcome.
    *_block(
        lambda f: f.init_failure is not None,
        Rule("PM200", "stopped", "StopRequested", "T", "init", lambda f: f.stopped_on_request(f.init_failure)),
        Rule("PM252", "error", "InitOOMKilled", "T", "init", lambda f: f.init_failure.oom),
        Rule("PM250", "error", "CloneFailed", "T", "init", lambda f: f.init_is_clone),
        Rule("PM251", "error", "InitFailed", "T", "init", _always),
    ),
    Rule("PM260", "stopped", "PodSucceeded", "T", "pod", lambda f: f.phase == "Succeeded"),
    *_block(
        lambda f: f.failed,
        Rule("PM232", "error", "AgentStatusLost", "TR", "agent", lambda f: f.agent.last_reason == _STATUS_UNKNOWN),
        Rule("PM200", "stopped", "StopRequested", "T", "pod", lambda f: f.deleted_before_start),
        Rule("PM261", "error", "PodFailed", "TR", "pod", _always),
    ),
    # 4. Deletion in progress.
    *_block(
        lambda f: f.deleting,
        Rule("PM303", "stopping", "NodeUnreachable", "", "pod", lambda f: f.reason == "NodeLost"),
        Rule("PM302", "stopping", "StuckTerminating", "", "pod", lambda f: f.stuck_terminating),
        Rule("PM305", _disrupted, _kind, "R", "pod", lambda f: f.disruption != "" and f.disruption_is_final),
        Rule("PM301", "stopping", _kind, "", "pod", lambda f: f.disruption != ""),
        Rule("PM300", "stopping", "Stopping", "", "pod", _always),
    ),
    # 5. Node contact lost, agent not in the spec, agent running.
    *_block(
        lambda f: f.phase == "Unknown" or f.reason == "NodeLost",
        Rule("PM310", "running", "NodeUnreachable", "", "agent", lambda f: f.agent.running),
        Rule("PM310", "starting", "NodeUnreachable", "", "agent", lambda f: f.agent.ever_ran),
        Rule("PM310", "provisioning", "NodeUnreachable", "", "agent", _always),
    ),
    *_block(
        lambda f: not f.agent_found,
        Rule("PM901", "running", "AgentContainerNotFound", "", "pod", lambda f: f.phase == "Running"),
        Rule("PM901", "provisioning", "AgentContainerNotFound", "", "pod", _always),
    ),
    *_block(
        lambda f: f.agent.running,
        Rule("PM501", "starting", "AgentStarting", "", "agent", lambda f: f.agent.started is False),
        Rule("PM502", "starting", "AgentNotReady", "", "agent", lambda f: f.unready_is_starting),
        Rule("PM503", "running", "AgentRunningNotReady", "", "agent", lambda f: not f.agent.ready),
        Rule("PM500", "running", "AgentRunning", "", "agent", _always),
    ),
    # 6. Agent restarting.
    Rule("PM240", "starting", "AgentRestarting", "", "agent", lambda f: f.agent.ended),
    *_block(
        lambda f: f.agent_waits(_CRASH_LOOP),
        Rule("PM447", "error", "AgentCrashLoopOOM", "", "last", lambda f: f.agent.last_reason == _OOM),
        Rule("PM446", "error", "AgentCrashLoop", "", "last", _always),
    ),
    Rule("PM241", "error", "AgentLost", "R", "last", lambda f: f.agent_gone_for_good),
    # 7. Scheduling.
    *_block(
        lambda f: f.unscheduled,
        Rule("PM406", "provisioning", "PodNotObserved", "", "pod", lambda f: f.unobserved),
        Rule("PM400", "provisioning", "SchedulingGated", "", "pod", lambda f: f.gated),
        Rule("PM401", "provisioning", "UnschedulableAutoscaling", "", "pod", lambda f: f.waits_for_autoscaler),
        *_block(
            lambda f: f.scheduling_failed != "",
            Rule("PM405", "provisioning", "PreemptingVictims", "", "pod", lambda f: f.nominated),
            Rule("PM402", "provisioning", "UnschedulableGrace", "", "pod", lambda f: f.scheduling_settling),
            Rule("PM403", "error", "Unschedulable", "R", "pod", _always),
        ),
        Rule("PM404", "provisioning", "AwaitingScheduling", "", "pod", lambda f: f.phase in ("", "Pending")),
    ),
    # 8. Init in progress.
    *_block(
        lambda f: f.init is not NOBODY,
        Rule("PM420", "cloning", "Cloning", "", "init", lambda f: f.init.running and f.init_is_clone),
        Rule("PM421", "provisioning", "InitRunning", "", "init", lambda f: f.init.running),
        Rule("PM423", "cloning", "InitRetrying", "", "init", lambda f: f.init.ended and f.init_is_clone),
        Rule("PM423", "provisioning", "InitRetrying", "", "init", lambda f: f.init.ended),
        *_block(
            lambda f: f.init.waiting_reason == _CRASH_LOOP,
            Rule("PM425", "error", "CloneCrashLoop", "", "init", lambda f: f.init_is_clone),
            Rule("PM426", "error", "SidecarCrashLoop", "", "init", lambda f: f.init.restartable),
            Rule("PM424", "error", "InitCrashLoop", "", "init", _always),
        ),
        *_waiting_family("init"),
        Rule("PM422", "provisioning", "InitWaiting", "", "init", _always),
    ),
    # 9. Agent waiting.
    *_block(
        lambda f: f.agent.waiting,
        *_waiting_family("agent"),
        Rule("PM240", "starting", "AgentRestarting", "", "last", lambda f: f.agent.last is not None),
        Rule("PM450", "provisioning", "ContainerCreating", "", "agent", lambda f: f.agent_waits("ContainerCreating")),
        Rule("PM451", "provisioning", "PodInitializing", "", "agent", lambda f: f.agent_waits("PodInitializing")),
        Rule("PM452", "starting", "ContainerCreated", "", "agent", lambda f: f.agent_waits("") and f.agent.created),
        Rule("PM455", "provisioning", "AgentWaiting", "", "agent", lambda f: f.agent_waits("")),
        Rule("PM454", "provisioning", "WaitingUnknownReason", "", "agent", _always),
    ),
    # 10. No agent status. The last rule has no condition: the table is total.
    Rule("PM900", "running", "AgentStatusMissing", "", "pod", lambda f: f.phase == "Running"),
    Rule("PM407", "provisioning", "PodScheduledNoContainers", "", "pod", lambda f: f.phase in ("", "Pending")),
    Rule("PM999", "provisioning", "Unclassified", "", "pod", _always),
)


def map_pod(pod: Any, options: Options = Options(), now: Optional[datetime] = None) -> Result:
    """The phase of the agent in a pod that was read. Total: answers for any value.

    Without now nothing that depends on the passing of time is an error. None is
    an absent pod of which nothing is known.
    """
    if pod is None:
        return map_absent(None)
    facts = Facts(_obj(pod), options, now)
    return _result(next(rule for rule in RULES if rule.when(facts)), facts)


def _text(value: Text, facts: Facts) -> str:
    return value if isinstance(value, str) else value(facts)


def _result(rule: Rule, facts: Facts) -> Result:
    container, ended = _subject(rule, facts)
    return Result(
        phase=_text(rule.phase, facts),
        rule=rule.id,
        reason=_text(rule.reason, facts),
        terminal="T" in rule.flags,
        retryable="R" in rule.flags,
        exit_code=ended.code if ended else None,
        container=(container.name or None) if container else None,
        notes=facts.notes,
        message=_message(container, ended, facts),
        disruption_phase=facts.disruption_phase if rule.id in ("PM301", "PM305") else None,
    )


def _subject(rule: Rule, facts: Facts) -> tuple[Optional[Container], Optional[Terminated]]:
    """The container a verdict is about, and how it ended if it did."""
    if rule.about == "pod" or (rule.about == "agent" and not facts.agent_found):
        return None, None
    if rule.about == "init":
        init = facts.init
        looping = init.waiting_reason == _CRASH_LOOP
        return init, init.terminated or facts.init_failure or (init.last if looping else None)
    return facts.agent, facts.agent.terminated if rule.about == "agent" else facts.agent.last


def _message(container: Optional[Container], ended: Optional[Terminated], facts: Facts) -> str:
    """Kubernetes' own words, the nearest first."""
    own = (container.waiting_message if container else "") or (ended.message if ended else "")
    return own or facts.message or _str(facts.conditions.get("PodScheduled", {}).get("message"))


def map_absent(
    last: Optional[Result],
    stop_requested: bool = False,
    absent_for: Optional[float] = None,
    options: Options = Options(),
) -> Result:
    """The phase of an agent whose pod is confirmed not to exist (a 404, never a failed read).

    last is the result of the last time it was seen, absent_for the seconds since.
    """
    if last is None and not stop_requested:
        return Result("created", "PM001", "PodAbsent")
    if last is not None and last.phase not in _FINAL:  # whoever wrote it down
        last = replace(last, terminal=False, retryable=False)
    if last is not None and last.terminal:
        return replace(last, rule="PM002")
    if last is not None and last.disruption_phase in _FINAL:
        return Result(last.disruption_phase, "PM003", last.reason, True, True)
    if last is None or stop_requested or last.phase == "stopping":
        return Result("stopped", "PM004", "StopRequested", True)
    if absent_for is None or absent_for < options.absent_grace:
        return replace(last, rule="PM005")
    return Result(options.vanished_phase, "PM006", "PodVanished", True, True)


# --- The agent's own word ---------------------------------------------------

_LEGACY_PHASES = {
    "pending": ("created", ""),
    "resumed": ("running", ""),
    "restored": ("stopped", ""),
    "deleted": ("stopped", ""),
    "exited": ("stopped", ""),
    "undetermined": ("running", "offline"),
    "busy": ("running", "thinking"),
    "initializing": ("starting", ""),
    "shutting_down": ("stopping", ""),
}
_ACTIVITIES = frozenset(
    "idle working thinking executing waiting_for_input blocked completed limits_exceeded "
    "stalled offline crashed".split()
)
_EARLY = ("created", "provisioning", "cloning", "starting")
_KILLED = ("PM233", "PM234", "PM236", "PM237")
_DISRUPTED = ("PM100", "PM101", "PM102", "PM103", "PM104")


def _word(value: Any) -> str:
    """Without blanks around it and in lower case, both of ASCII alone, as all words are."""
    word = _str(value).strip(" \t\n\v\f\r")
    return word.lower() if word.isascii() else word


@dataclass
class SelfReport:
    """A self-report in today's words, whatever version of the agent wrote it."""

    phase: str
    activity: str
    updated_at: Optional[datetime]
    notes: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, raw: Mapping[str, Any], pod_phase: str) -> SelfReport:
        phase, activity = (_word(raw.get(k)) for k in ("phase", "activity"))
        report = cls(phase, activity, parse_time(raw.get("updatedAt")))
        if activity and activity not in _ACTIVITIES:
            report.activity = ""
            report.notes.add("unknown-self-activity")
        report._normalise_phase(pod_phase)
        return report

    def _normalise_phase(self, pod_phase: str) -> None:
        if self.phase == "" or self.phase in PHASES or self.phase == "suspended":
            return
        note = "legacy-phase"
        if self.phase == "ended":
            self.phase = "error" if pod_phase == "error" else "stopped"
        elif self.phase in _LEGACY_PHASES:
            self.phase, implied = _LEGACY_PHASES[self.phase]
            self.activity = self.activity or implied
        elif self.phase in _ACTIVITIES:
            self.phase, self.activity = "running", self.activity or self.phase
        else:
            self.phase, note = "", "unknown-self-phase"
        self.notes.add(note)


def reconcile(pod: Result, self_report: Any, container_started_at: Optional[datetime] = None) -> Report:
    """The phase and activity to show: what the pod proves, refined by what the agent says.

    A self-report is fresh when it is not older than the start of the agent's
    container; without both times it is not.
    """
    if not isinstance(self_report, Mapping):
        return Report(pod.phase, "", "RC00", "pod")
    said = SelfReport.read(self_report, pod.phase)
    fresh = bool(said.updated_at and container_started_at and said.updated_at >= container_started_at)
    rule, phase, activity = _reconciled(pod, said, fresh)
    source = "pod" if phase == pod.phase else "self"
    return Report(phase, activity if phase == "running" else "", rule, source, tuple(sorted(said.notes)))


def _reconciled(pod: Result, said: SelfReport, fresh: bool) -> tuple[str, str, str]:
    """rule, phase, activity: in order, first match wins."""
    if pod.rule == "PM310":
        return "RC05", pod.phase, "offline"
    if pod.terminal or pod.phase == "stopped":
        if pod.rule in _KILLED and said.activity == "limits_exceeded":
            return "RC12", "stopped", ""
        if pod.rule in _DISRUPTED and said.activity == "completed":
            return "RC13", "stopped", ""
        return "RC10", pod.phase, ""
    if pod.phase == "stopping":
        return "RC20", "stopping", ""
    if pod.phase == "error":
        return "RC50", "error", ""
    if pod.phase == "running":
        return _reconciled_running(said, fresh)
    if pod.phase == "starting" and fresh and said.phase in ("cloning", "provisioning"):
        return "RC41", said.phase, ""
    return "RC40", pod.phase, ""


def _reconciled_running(said: SelfReport, fresh: bool) -> tuple[str, str, str]:
    if said.phase in _EARLY and fresh:
        return "RC31", "starting" if said.phase == "created" else said.phase, ""
    if said.phase == "stopping" and fresh:
        return "RC33", "stopping", ""
    if said.phase == "error" and fresh:
        return "RC35", "error", ""
    if said.phase in _EARLY + ("stopping", "error"):
        return "RC32", "running", said.activity
    if said.phase in ("stopped", "suspended"):
        return "RC34", "running", "" if said.activity in ("limits_exceeded", "crashed") else said.activity
    if said.phase == "running":
        return "RC30", "running", said.activity
    return "RC36", "running", said.activity
