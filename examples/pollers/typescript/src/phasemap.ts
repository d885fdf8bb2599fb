/**
 * The phase of an AI coding agent, from the Pod it runs in.
 *
 * A complete implementation of the phasemap decision table in one file without
 * dependencies. Copy it into a poller:
 *
 *     mapPod(pod, {}, new Date())       // a pod that was read
 *     mapAbsent(last, { stopRequested }) // a confirmed 404
 *     reconcile(result, selfReport)      // plus the agent's own word
 *
 * Pods are what JSON.parse makes of what the API server sends. Nothing here
 * reads a clock, logs, or throws for anything a pod may contain: a field of the
 * wrong type reads as absent. A failed read is not a 404: keep the last result.
 *
 * The rules are data, RULES below, first match wins; change a rule there and run
 * the golden suite (see README.md) to learn what else changed.
 */

export const PHASES = ["created", "provisioning", "cloning", "starting", "running", "stopping", "stopped", "error"] as const;
export type Phase = (typeof PHASES)[number];

/** Only these can be terminal or retryable. */
const isFinal = (phase: Phase | undefined): phase is "stopped" | "error" => phase === "stopped" || phase === "error";

/** What a cluster or an installation may want different. Durations are seconds. */
export interface Options {
  readonly agentContainer: string;
  readonly cloneInitContainers: readonly string[];
  readonly autoscaling: boolean;
  readonly unschedulableGrace: number;
  readonly imagePullGrace: number;
  readonly startErrorGrace: number;
  readonly stuckTerminatingAfter: number;
  readonly limitsExitCodes: readonly number[];
  readonly disruptionPhase: "auto" | "error" | "stopped";
  readonly workspaceVolume: string;
  readonly committedDisruption: "stopping" | "final";
  readonly requireReady: boolean;
  /** The restart policy of a document that names none. */
  readonly assumedRestartPolicy: string;
  readonly absentGrace: number;
  readonly vanishedPhase: "stopped" | "error";
}

export const DEFAULTS: Options = {
  agentContainer: "agent",
  cloneInitContainers: ["git-clone", "workspace-provision"],
  autoscaling: false,
  unschedulableGrace: 60,
  imagePullGrace: 300,
  startErrorGrace: 60,
  stuckTerminatingAfter: 300,
  limitsExitCodes: [10],
  disruptionPhase: "auto",
  workspaceVolume: "workspace",
  committedDisruption: "stopping",
  requireReady: false,
  assumedRestartPolicy: "Never",
  absentGrace: 10,
  vanishedPhase: "stopped",
};

/**
 * What a pod says about its agent.
 *
 * terminal: this pod will not leave the phase by itself. retryable: starting the
 * same spec again may help. Both only with stopped or error. Report an error
 * that is not terminal only after it has held for a while.
 */
export interface Result {
  readonly phase: Phase;
  readonly rule: string;
  readonly reason: string;
  readonly terminal: boolean;
  readonly retryable: boolean;
  readonly exitCode: number | null;
  readonly container: string | null;
  readonly notes: readonly string[];
  readonly message: string;
  /** What mapAbsent needs once the pod of a disruption under way is gone. */
  readonly disruptionPhase?: Phase;
}

/** A pod's result brought together with what the agent says of itself. */
export interface Report {
  readonly phase: Phase;
  readonly activity: string;
  readonly rule: string;
  /** Whose phase it is. */
  readonly source: "pod" | "self";
  readonly notes: readonly string[];
}

// --- Reading JSON leniently --------------------------------------------------

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const isString = (value: unknown): value is string => typeof value === "string";

const object = (value: unknown): Json => (isObject(value) ? value : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const objects = (value: unknown): readonly Json[] => list(value).filter(isObject);
const string = (value: unknown): string => (isString(value) ? value : "");

/** An integral number that fits; the greatest of 64 bits is rounded, as all numbers beyond 2**53 are. */
function integer(value: unknown, bits = 64): number | undefined {
  const limit = 2 ** (bits - 1);
  return Number.isInteger(value) && -limit <= (value as number) && (value as number) <= limit - 1 ? (value as number) : undefined;
}

type Named = Json & { readonly name: string };
const isNamed = (value: Json): value is Named => string(value["name"]) !== "";

/** What has no name is no container, volume or gate: null in a list becomes that. */
const named = (value: unknown): readonly Named[] => objects(value).filter(isNamed);

/** A member that the object has itself: a pod may name something "constructor". */
const member = (of: Json, name: string): unknown => (Object.hasOwn(of, name) ? of[name] : undefined);

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|([+-])(\d\d):(\d\d))$/;

/** What clients in Go write for no time, and what a timestamp can no longer say. */
const NO_TIME = Date.parse("0001-01-01T00:00:00Z");
const END_TIMES = Date.parse("+010000-01-01T00:00:00Z");

/**
 * RFC 3339 as the API reads it, in whole seconds. The API takes an hour of one
 * digit and a comma before the fraction, too; Date.parse takes more than that.
 */
export function parseTime(value: unknown): Date | undefined {
  const match = isString(value) ? TIME.exec(value) : null;
  if (match === null) {
    return undefined;
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [offsetHours = 0, offsetMinutes = 0] = match.slice(8).map((digits) => Number(digits ?? 0));
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  time.setUTCHours(hour, minute, second);
  // Date rolls over: the 31st of February would be in March.
  const rolled = time.getUTCMonth() !== month - 1 || time.getUTCDate() !== day;
  if (rolled || hour > 23 || minute > 59 || second > 59 || offsetHours > 24 || offsetMinutes > 60) {
    return undefined;
  }
  const offset = (offsetHours * 60 + offsetMinutes) * 60_000;
  const moment = time.getTime() - (match[7] === "-" ? -offset : offset);
  return NO_TIME < moment && moment < END_TIMES ? new Date(moment) : undefined;
}

/** Without its milliseconds. */
const wholeSeconds = (time: Date): Date => new Date(Math.floor(time.getTime() / 1000) * 1000);

/** Seconds from one moment to another. */
const seconds = (from: Date, to: Date): number => (to.getTime() - from.getTime()) / 1000;

// --- One container -----------------------------------------------------------

const INT32_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;
/** 0xC000013A, STATUS_CONTROL_C_EXIT. */
const WINDOWS_CTRL_C = -1073741510;
/** The kubelet lost the container and made up exit code 137. */
const STATUS_UNKNOWN = "ContainerStatusUnknown";
const OOM = "OOMKilled";
const CRASH_LOOP = "CrashLoopBackOff";
const CONFIG_ERROR = "CreateContainerConfigError";

/** A terminated state, with the exit code as the API means it. */
class Terminated {
  readonly reason: string;
  readonly message: string;
  readonly finishedAt: Date | undefined;
  readonly code: number | null;
  /** One of the signals that have names. */
  readonly signal: number | undefined;

  constructor(state: Json) {
    this.reason = string(state["reason"]);
    this.message = string(state["message"]);
    this.finishedAt = parseTime(state["finishedAt"]);
    this.code = this.reason === STATUS_UNKNOWN ? null : Terminated.readCode(state["exitCode"]);
    const signal = integer(state["signal"], 32) || (this.code ?? 0) - 128;
    this.signal = signal >= 1 && signal <= 31 ? signal : undefined;
  }

  get oom(): boolean {
    return this.reason === OOM;
  }

  /** Asked to end: SIGINT, SIGTERM or Control-C. */
  get interrupted(): boolean {
    return this.signal === 2 || this.signal === 15 || this.code === WINDOWS_CTRL_C;
  }

  get crashed(): boolean {
    return this.signal !== undefined || (this.code ?? 0) < 0;
  }

  private static readCode(raw: unknown): number | null {
    if (raw === undefined || raw === null) {
      return 0; // typed clients cannot tell a missing 0 from 0
    }
    const code = integer(raw) ?? Infinity;
    const signed = code > INT32_MAX && code <= UINT32_MAX ? code - 2 ** 32 : code;
    return signed >= -(2 ** 31) && signed <= INT32_MAX ? signed : null;
  }

  static read(state: unknown): Terminated | undefined {
    return isObject(state) ? new Terminated(state) : undefined;
  }
}

/** A container's spec and status together, found by name. */
class Container {
  readonly hasStatus: boolean;
  readonly terminated: Terminated | undefined;
  readonly running: boolean;
  readonly waiting: boolean;
  readonly waitingReason: string;
  readonly waitingMessage: string;
  /** How it ended before. */
  readonly last: Terminated | undefined;
  readonly started: unknown;
  readonly ready: boolean;
  readonly created: boolean;
  readonly everRan: boolean;

  constructor(
    readonly name: string,
    readonly spec: Json,
    status?: Json,
  ) {
    const state = object(status?.["state"]);
    this.hasStatus = status !== undefined;
    this.terminated = Terminated.read(state["terminated"]);
    this.running = !this.terminated && isObject(state["running"]);
    this.waiting = this.hasStatus && !this.terminated && !this.running;
    const waiting = this.waiting ? object(state["waiting"]) : {};
    this.waitingReason = string(waiting["reason"]);
    this.waitingMessage = string(waiting["message"]);
    this.last = Terminated.read(object(status?.["lastState"])["terminated"]);
    this.started = status?.["started"];
    this.ready = status?.["ready"] === true;
    this.created = string(status?.["containerID"]) !== "";
    const restarted = (integer(status?.["restartCount"], 32) ?? 0) > 0;
    this.everRan = this.running || this.terminated !== undefined || this.last !== undefined || restarted;
  }

  /** As an init container: a native sidecar. */
  get restartable(): boolean {
    return this.spec["restartPolicy"] === "Always";
  }

  willRestart(exited: Terminated, podPolicy: string): boolean {
    if (exited.reason === "RestartingAllContainers") {
      return true;
    }
    if (objects(this.spec["restartPolicyRules"]).some((rule) => ruleMatches(object(rule["exitCodes"]), exited.code))) {
      return true;
    }
    const policy = string(this.spec["restartPolicy"]) || podPolicy;
    return policy === "Always" || (policy === "OnFailure" && exited.code !== 0);
  }
}

function ruleMatches(exitCodes: Json, code: number | null): boolean {
  if (code === null) {
    return false; // no rule is about a code that nobody knows
  }
  const listed = list(exitCodes["values"]).includes(code);
  return exitCodes["operator"] === "In" ? listed : exitCodes["operator"] === "NotIn" && !listed;
}

/** The agent or init container that there is not. */
const NOBODY = new Container("", {});
/** The agent of a pod that names no container at all. */
const UNLISTED = new Container("", {});

// --- What the rules ask about a pod ------------------------------------------

const REJECTED_FOR_GOOD = new Set([
  "AppArmor",
  "SysctlForbidden",
  "PodOSSelectorNodeLabelDoesNotMatch",
  "PodOSNotSupported",
  "InitContainerRestartPolicyForbidden",
  "SupplementalGroupsPolicyNotSupported",
  "PodLevelResourcesNotSupported",
  "PodFeatureUnsupported",
]);
const REJECTED = new Set([
  "UnexpectedAdmissionError",
  "NodeAffinity",
  "NodeName",
  "NodePorts",
  "NodeUnschedulable",
  "TaintToleration",
  "MatchNodeSelector",
  "HostName",
  "TopologyAffinityError",
  "SMTAlignmentError",
  "NodeShutdown",
  "VolumeAttachmentLimitExceeded",
  "InvalidNodeInfo",
  "UnknownReason",
  "UnexpectedPredicateFailureType",
]);
const NEVER_STARTED = new Set(["StartError", "ContainerCannotRun", "RunContainerError"]);
const IMAGE_INVALID = new Set(["InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"]);
const IMAGE_PULL = new Set(["ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"]);
const OWN_LIMIT =
  /exceeded its local ephemeral storage limit|exceeds the total limit of containers|^Usage of EmptyDir volume.*exceeds the limit/s;

/** Known start errors, and whatever a future kubelet will call one. */
function isStartError(reason: string): boolean {
  if (reason === CRASH_LOOP || reason === CONFIG_ERROR || IMAGE_INVALID.has(reason) || IMAGE_PULL.has(reason)) {
    return false;
  }
  return reason === "ContainerCannotRun" || /^Err|Error$|BackOff$/.test(reason);
}

type Disruption = "Preempted" | "NodeShutdown" | "NodeLost" | "EvictedOwnLimit" | "Evicted" | "";

/** The values derived from a pod before any rule is asked. */
class Facts {
  readonly meta: Json;
  readonly spec: Json;
  readonly status: Json;
  readonly phase: string;
  readonly reason: string;
  readonly message: string;
  readonly conditions: ReadonlyMap<string, Json>;
  readonly containers: readonly Container[];
  readonly inits: readonly Container[];

  readonly failed: boolean;
  readonly podTerminal: boolean;
  readonly deletion: Date | undefined;
  readonly deleting: boolean;
  /** The kubelet has not yet seen this generation of the pod. */
  readonly stale: boolean;

  readonly agent: Container;
  readonly agentFound: boolean;
  readonly agentIsFallback: boolean;
  /** How the agent ended for good. */
  readonly exited: Terminated | undefined;
  readonly disruption: Disruption;
  readonly finalDisruption: Disruption;
  /** The init container that keeps the agent from starting, or NOBODY. */
  readonly init: Container;
  /** How that failed, when it will not be tried again. */
  readonly initFailure: Terminated | undefined;

  constructor(
    pod: Json,
    readonly options: Options,
    readonly now: Date | undefined,
  ) {
    this.meta = object(pod["metadata"]);
    this.spec = object(pod["spec"]);
    this.status = object(pod["status"]);
    this.phase = string(this.status["phase"]);
    this.reason = string(this.status["reason"]);
    this.message = string(this.status["message"]);
    this.conditions = new Map(objects(this.status["conditions"]).map((c) => [string(c["type"]), c]));
    this.containers = this.join("containers", "containerStatuses");
    this.inits = this.join("initContainers", "initContainerStatuses");

    this.failed = this.phase === "Failed";
    this.podTerminal = this.failed || this.phase === "Succeeded";
    this.deletion = parseTime(this.meta["deletionTimestamp"]);
    this.deleting = this.deletion !== undefined;
    const seen = integer(this.status["observedGeneration"]) ?? 0;
    this.stale = seen !== 0 && seen < (integer(this.meta["generation"]) ?? 0);

    [this.agent, this.agentIsFallback] = this.findAgent();
    this.agentFound = this.agent !== NOBODY;
    this.exited = this.findExit();
    this.disruption = this.findDisruption();
    const final = (this.podTerminal || this.exited !== undefined) && !this.outcomePrecedesDisruption();
    this.finalDisruption = final ? this.disruption : "";
    this.init = this.findInit();
    this.initFailure = this.findInitFailure();
  }

  /** Specs and statuses by name: in spec order, or in status order without specs. */
  private join(specs: string, statuses: string): readonly Container[] {
    const declared = named(this.spec[specs]);
    const observed = named(this.status[statuses]);
    const find = (from: readonly Named[], name: string) => from.find((item) => item.name === name);
    const names = new Set((declared.length > 0 ? declared : observed).map((item) => item.name));
    return [...names].map((name) => new Container(name, find(declared, name) ?? {}, find(observed, name)));
  }

  /** The agent's container, and whether another than the one asked for was taken. */
  private findAgent(): [Container, boolean] {
    const find = (name: string) => this.containers.find((c) => c.name === name);
    const listed = named(this.spec["containers"]).length || named(this.status["containerStatuses"]).length;
    const agent = listed > 0 ? find(this.options.agentContainer) : UNLISTED;
    if (agent) {
      return [agent, false];
    }
    const annotated = string(member(object(this.meta["annotations"]), "kubectl.kubernetes.io/default-container"));
    const fallback = find(annotated) ?? (listed === 1 ? this.containers[0] : undefined);
    return fallback ? [fallback, true] : [NOBODY, false];
  }

  private findExit(): Terminated | undefined {
    const ended = this.agent.terminated;
    return ended && (this.podTerminal || this.deleting || !this.willRestart(this.agent, ended)) ? ended : undefined;
  }

  willRestart(container: Container, exited: Terminated): boolean {
    return container.willRestart(exited, string(this.spec["restartPolicy"]) || this.options.assumedRestartPolicy);
  }

  // Conditions and the clock.

  conditionIs(type: string, status: string): boolean {
    return this.conditions.get(type)?.["status"] === status;
  }

  conditionTime(type: string): Date | undefined {
    return parseTime(this.conditions.get(type)?.["lastTransitionTime"]);
  }

  /** Half open. What cannot be measured is inside, but a grace of 0 has no inside. */
  within(start: Date | undefined, grace: number): boolean {
    if (grace <= 0) {
      return false;
    }
    return !this.now || !start || seconds(start, this.now) < grace;
  }

  /** deletionTimestamp already includes the grace of the pod. */
  get stuckTerminating(): boolean {
    return !!this.now && !!this.deletion && seconds(this.deletion, this.now) > this.options.stuckTerminatingAfter;
  }

  // The agent.

  get limitsExceeded(): boolean {
    return this.exited !== undefined && this.exited.code !== null && this.options.limitsExitCodes.includes(this.exited.code);
  }

  agentWaits(reason: string): boolean {
    return this.agent.waiting && this.agent.waitingReason === reason;
  }

  /** The container vanished; a waiting state remains that nothing will end. */
  get agentGoneForGood(): boolean {
    return this.agent.waiting && this.agent.last !== undefined && !this.willRestart(this.agent, this.agent.last);
  }

  /** A container ended because the pod was being deleted, not before. */
  stoppedOnRequest(ended: Terminated): boolean {
    if (!this.deletion || this.stale) {
      return false;
    }
    if (ended.reason === STATUS_UNKNOWN) {
      return true;
    }
    if (!ended.finishedAt) {
      return ended.code !== null && [0, 130, 137, 143, WINDOWS_CTRL_C].includes(ended.code);
    }
    // The kubelet's last step sets the grace to 0 and moves deletionTimestamp,
    // so the longest possible way back is taken then.
    const grace = integer(this.meta["deletionGracePeriodSeconds"]) ?? 0;
    const own = integer(this.spec["terminationGracePeriodSeconds"]) ?? 0;
    return seconds(ended.finishedAt, this.deletion) <= (grace > 0 ? grace : Math.max(30, own) + 2);
  }

  get deletedBeforeStart(): boolean {
    return this.deleting && !this.stale && !this.agent.everRan;
  }

  // Disruptions.

  private findDisruption(): Disruption {
    const target = this.conditionIs("DisruptionTarget", "True");
    const why = target ? string(this.conditions.get("DisruptionTarget")?.["reason"]) : "";
    if (this.reason === "Preempting" || why === "PreemptionByScheduler") {
      return "Preempted";
    }
    if ((this.reason === "Terminated" || this.reason === "Shutdown") && this.podTerminal) {
      return "NodeShutdown";
    }
    if (this.reason === "NodeLost" || why === "DeletionByPodGC") {
      return "NodeLost";
    }
    if (this.reason === "Evicted" && !target && OWN_LIMIT.test(this.message)) {
      return "EvictedOwnLimit";
    }
    return this.reason === "Evicted" || target ? "Evicted" : "";
  }

  /** The agent ended in an earlier second than the disruption was decided. */
  private outcomePrecedesDisruption(): boolean {
    const ended = this.agent.terminated;
    const decided = this.conditionIs("DisruptionTarget", "True") ? this.conditionTime("DisruptionTarget") : undefined;
    return !!ended?.finishedAt && !!decided && ended.reason !== STATUS_UNKNOWN && ended.finishedAt < decided;
  }

  get disruptionIsFinal(): boolean {
    return this.options.committedDisruption === "final";
  }

  /** auto: work on a claim or NFS survives (stopped), work in an emptyDir is lost (error). */
  get disruptionPhase(): Phase {
    if (this.options.disruptionPhase !== "auto") {
      return this.options.disruptionPhase;
    }
    const workspaces = named(this.spec["volumes"]).filter((v) => v.name === this.options.workspaceVolume);
    return workspaces.some((v) => isObject(v["persistentVolumeClaim"]) || isObject(v["nfs"])) ? "stopped" : "error";
  }

  // Rejection and deadline.

  get rejected(): boolean {
    const said = !this.agent.hasStatus && this.message.startsWith("Pod was rejected");
    return this.failed && (said || this.reason.startsWith("OutOf") || REJECTED.has(this.reason));
  }

  /** Unless the agent had ended by itself before the deadline. */
  get deadlineExceeded(): boolean {
    if (!this.failed || this.reason !== "DeadlineExceeded") {
      return false;
    }
    const start = parseTime(this.status["startTime"]);
    const limit = integer(this.spec["activeDeadlineSeconds"]);
    const finished = this.exited?.finishedAt;
    return !start || limit === undefined || !finished || seconds(start, finished) >= limit;
  }

  // Init containers.

  private findInit(): Container {
    if (this.conditionIs("Initialized", "True") && this.agent.everRan && !this.failed) {
      return NOBODY;
    }
    const passed = (c: Container) => (c.restartable ? c.started === true : c.terminated?.code === 0);
    return this.inits.find((c) => !passed(c)) ?? NOBODY;
  }

  private findInitFailure(): Terminated | undefined {
    if (this.init.restartable || (this.deleting && !this.failed)) {
      return undefined;
    }
    const ended = this.init.terminated ?? (this.failed && this.init.waiting ? this.init.last : undefined);
    if (!ended || ended.code === 0) {
      return undefined;
    }
    return this.failed || !this.willRestart(this.init, ended) ? ended : undefined;
  }

  get initIsClone(): boolean {
    return this.options.cloneInitContainers.includes(this.init.name);
  }

  // Waiting.

  /** No sign that a node was found. */
  get unscheduled(): boolean {
    const placed = this.conditionIs("PodScheduled", "True") || string(this.spec["nodeName"]) !== "";
    const observed = [...named(this.status["containerStatuses"]), ...named(this.status["initContainerStatuses"])];
    return !placed && observed.length === 0;
  }

  get gated(): boolean {
    return named(this.spec["schedulingGates"]).length > 0 || this.schedulingReason === "SchedulingGated";
  }

  private get schedulingReason(): string {
    return string(this.conditions.get("PodScheduled")?.["reason"]);
  }

  /** Unschedulable, SchedulerError, or nothing. */
  get schedulingFailed(): string {
    const known = this.schedulingReason === "Unschedulable" || this.schedulingReason === "SchedulerError";
    return known && this.conditionIs("PodScheduled", "False") ? this.schedulingReason : "";
  }

  get unobserved(): boolean {
    return this.phase === "" && !this.conditions.has("PodScheduled");
  }

  get waitsForAutoscaler(): boolean {
    return this.schedulingFailed === "Unschedulable" && this.options.autoscaling;
  }

  /** Other pods are leaving a node to make room. */
  get nominated(): boolean {
    return string(this.status["nominatedNodeName"]) !== "";
  }

  get schedulingSettling(): boolean {
    const since = this.conditionTime("PodScheduled") ?? parseTime(this.meta["creationTimestamp"]);
    return this.within(since, this.options.unschedulableGrace);
  }

  /** When everything that a container waited for had happened. */
  waitingSince(container: Container): Date | undefined {
    const isAgent = container === this.agent;
    const passed = ["PodScheduled", "PodReadyToStartContainers", ...(isAgent ? ["Initialized"] : [])]
      .filter((type) => this.conditionIs(type, "True"))
      .map((type) => this.conditionTime(type));
    const before = isAgent
      ? [this.agent.last?.finishedAt]
      : this.inits.slice(0, this.inits.indexOf(container)).map((c) => c.terminated?.finishedAt);
    const times = [...passed, ...before].filter((time) => time !== undefined).map((time) => time.getTime());
    if (times.length > 0) {
      return new Date(Math.max(...times));
    }
    return parseTime(this.status["startTime"]) ?? parseTime(this.meta["creationTimestamp"]);
  }

  get notes(): readonly string[] {
    const statuses = named(this.status["containerStatuses"]).map((s) => new Container(s.name, {}, s));
    const others = statuses.filter((c) => c.name !== this.agent.name);
    const found: [string, boolean][] = [
      ["agent-container-fallback", this.agentIsFallback],
      ["pod-lingering", this.exited !== undefined && !this.podTerminal && !this.deleting],
      ["sidecar-failed", others.some((c) => c.terminated !== undefined && c.terminated.code !== 0)],
      ["stale-status", this.stale],
    ];
    return found.filter(([, holds]) => holds).map(([note]) => note);
  }
}

// --- The table ---------------------------------------------------------------

type Test = (f: Facts) => boolean;
/** Whose verdict it is, which decides container and exit code; last is the agent's previous run. */
type About = "pod" | "agent" | "last" | "init";

/** One line of the table. */
interface Rule {
  readonly id: string;
  readonly phase: Phase | "disruption";
  /** Empty: the kind of the disruption. */
  readonly reason: string;
  /** T terminal, R retryable. */
  readonly flags: "" | "T" | "R" | "TR";
  readonly about: About;
  readonly when: Test;
}

const always: Test = () => true;

function rule(id: string, phase: Rule["phase"], reason: string, flags: Rule["flags"], about: About, when: Test): Rule {
  return { id, phase, reason, flags, about, when };
}

/** Rules that share a condition. */
const block = (guard: Test, ...rules: readonly Rule[]): readonly Rule[] =>
  rules.map((r) => ({ ...r, when: (f: Facts) => guard(f) && r.when(f) }));

/** Rules about how a container ended, for where it did. */
type ExitTest = (exited: Terminated, f: Facts) => boolean;
const exit = (of: "exited" | "initFailure", when: ExitTest): Test => (f) => {
  const ended = f[of];
  return ended !== undefined && when(ended, f);
};
const exited = (when: ExitTest): Test => exit("exited", when);
const initFailed = (when: ExitTest): Test => exit("initFailure", when);

/** Waiting reasons that mean the same for the agent and for an init container. */
function waitingFamily(about: "agent" | "init"): readonly Rule[] {
  const reason = (f: Facts) => f[about].waitingReason;
  const pulling: Test = (f) => f.within(f.waitingSince(f[about]), f.options.imagePullGrace);
  const settling: Test = (f) => f.within(f.waitingSince(f[about]), f.options.startErrorGrace);
  const configError: Test = (f) => reason(f) === CONFIG_ERROR;
  const startError: Test = (f) => isStartError(reason(f));
  const retrying: Test = (f) => (configError(f) || startError(f)) && settling(f);
  return [
    rule("PM440", "error", "ImageInvalid", "", about, (f) => IMAGE_INVALID.has(reason(f))),
    rule("PM441", "provisioning", "ImagePullRetrying", "", about, (f) => IMAGE_PULL.has(reason(f)) && pulling(f)),
    rule("PM442", "error", "ImagePullFailed", "R", about, (f) => IMAGE_PULL.has(reason(f))),
    rule("PM443", "provisioning", "ContainerConfigRetrying", "", about, retrying),
    rule("PM444", "error", "ContainerConfigError", "", about, configError),
    rule("PM445", "error", "ContainerStartError", "R", about, startError),
  ];
}

const RULES: readonly Rule[] = [
  // 1. Final outcomes that came from outside the agent.
  rule("PM100", "disruption", "Preempted", "TR", "agent", (f) => f.finalDisruption === "Preempted"),
  rule("PM101", "disruption", "NodeShutdown", "TR", "agent", (f) => f.finalDisruption === "NodeShutdown"),
  rule("PM102", "disruption", "NodeLost", "TR", "agent", (f) => f.finalDisruption === "NodeLost"),
  rule("PM104", "error", "EvictedOwnLimit", "T", "agent", (f) => f.finalDisruption === "EvictedOwnLimit"),
  rule("PM103", "disruption", "Evicted", "TR", "agent", (f) => f.finalDisruption === "Evicted"),
  rule("PM111", "error", "NodeRejectedPermanent", "T", "pod", (f) => f.failed && REJECTED_FOR_GOOD.has(f.reason)),
  rule("PM110", "error", "NodeRejected", "TR", "pod", (f) => f.rejected),
  rule("PM120", "error", "DeadlineExceeded", "T", "agent", (f) => f.deadlineExceeded),

  // 2. The agent's own outcome.
  rule("PM200", "stopped", "StopRequested", "T", "agent", exited((e, f) => f.stoppedOnRequest(e))),
  rule("PM232", "error", "AgentStatusLost", "TR", "agent", exited((e) => e.reason === STATUS_UNKNOWN)),
  rule("PM236", "error", "AgentExitUnknown", "TR", "agent", exited((e) => e.code === null)),
  rule("PM212", "stopped", "AgentCompletedChildOOM", "T", "agent", exited((e) => e.code === 0 && e.oom)),
  rule("PM211", "stopped", "AgentCompletedPodFailed", "T", "agent", exited((e, f) => e.code === 0 && f.failed)),
  rule("PM210", "stopped", "AgentCompleted", "T", "agent", exited((e) => e.code === 0)),
  rule("PM220", "stopped", "LimitsExceeded", "T", "agent", exited((_, f) => f.limitsExceeded)),
  rule("PM230", "error", "AgentOOMKilled", "T", "agent", exited((e) => e.oom && e.code !== 143)),
  rule("PM231", "error", "AgentStartError", "T", "agent", exited((e) => NEVER_STARTED.has(e.reason))),
  rule("PM233", "error", "AgentTerminated", "TR", "agent", exited((e) => e.interrupted)),
  rule("PM234", "error", "AgentKilled", "TR", "agent", exited((e) => e.signal === 9)),
  rule("PM236", "error", "AgentExitUnknown", "TR", "agent", exited((e) => e.code === 255 || e.code === -1)),
  rule("PM235", "error", "AgentCrashed", "T", "agent", exited((e) => e.crashed)),
  rule("PM237", "error", "AgentFailed", "T", "agent", exited(() => true)),

  // 3. Init failure, and pods without a usable agent outcome.
  rule("PM200", "stopped", "StopRequested", "T", "init", initFailed((e, f) => f.stoppedOnRequest(e))),
  rule("PM252", "error", "InitOOMKilled", "T", "init", initFailed((e) => e.oom)),
  rule("PM250", "error", "CloneFailed", "T", "init", initFailed((_, f) => f.initIsClone)),
  rule("PM251", "error", "InitFailed", "T", "init", initFailed(() => true)),
  rule("PM260", "stopped", "PodSucceeded", "T", "pod", (f) => f.phase === "Succeeded"),
  ...block(
    (f) => f.failed,
    rule("PM232", "error", "AgentStatusLost", "TR", "agent", (f) => f.agent.last?.reason === STATUS_UNKNOWN),
    rule("PM200", "stopped", "StopRequested", "T", "pod", (f) => f.deletedBeforeStart),
    rule("PM261", "error", "PodFailed", "TR", "pod", always),
  ),

  // 4. Deletion in progress.
  ...block(
    (f) => f.deleting,
    rule("PM303", "stopping", "NodeUnreachable", "", "pod", (f) => f.reason === "NodeLost"),
    rule("PM302", "stopping", "StuckTerminating", "", "pod", (f) => f.stuckTerminating),
    rule("PM305", "disruption", "", "R", "pod", (f) => f.disruption !== "" && f.disruptionIsFinal),
    rule("PM301", "stopping", "", "", "pod", (f) => f.disruption !== ""),
    rule("PM300", "stopping", "Stopping", "", "pod", always),
  ),

  // 5. Node contact lost, agent not in the spec, agent running.
  ...block(
    (f) => f.phase === "Unknown" || f.reason === "NodeLost",
    rule("PM310", "running", "NodeUnreachable", "", "agent", (f) => f.agent.running),
    rule("PM310", "starting", "NodeUnreachable", "", "agent", (f) => f.agent.everRan),
    rule("PM310", "provisioning", "NodeUnreachable", "", "agent", always),
  ),
  ...block(
    (f) => !f.agentFound,
    rule("PM901", "running", "AgentContainerNotFound", "", "pod", (f) => f.phase === "Running"),
    rule("PM901", "provisioning", "AgentContainerNotFound", "", "pod", always),
  ),
  ...block(
    (f) => f.agent.running,
    rule("PM501", "starting", "AgentStarting", "", "agent", (f) => f.agent.started === false),
    rule("PM502", "starting", "AgentNotReady", "", "agent", (f) => !f.agent.ready && f.options.requireReady),
    rule("PM503", "running", "AgentRunningNotReady", "", "agent", (f) => !f.agent.ready),
    rule("PM500", "running", "AgentRunning", "", "agent", always),
  ),

  // 6. Agent restarting.
  rule("PM240", "starting", "AgentRestarting", "", "agent", (f) => f.agent.terminated !== undefined),
  ...block(
    (f) => f.agentWaits(CRASH_LOOP),
    rule("PM447", "error", "AgentCrashLoopOOM", "", "last", (f) => f.agent.last?.reason === OOM),
    rule("PM446", "error", "AgentCrashLoop", "", "last", always),
  ),
  rule("PM241", "error", "AgentLost", "R", "last", (f) => f.agentGoneForGood),

  // 7. Scheduling.
  ...block(
    (f) => f.unscheduled,
    rule("PM406", "provisioning", "PodNotObserved", "", "pod", (f) => f.unobserved),
    rule("PM400", "provisioning", "SchedulingGated", "", "pod", (f) => f.gated),
    rule("PM401", "provisioning", "UnschedulableAutoscaling", "", "pod", (f) => f.waitsForAutoscaler),
    ...block(
      (f) => f.schedulingFailed !== "",
      rule("PM405", "provisioning", "PreemptingVictims", "", "pod", (f) => f.nominated),
      rule("PM402", "provisioning", "UnschedulableGrace", "", "pod", (f) => f.schedulingSettling),
      rule("PM403", "error", "Unschedulable", "R", "pod", always),
    ),
    rule("PM404", "provisioning", "AwaitingScheduling", "", "pod", (f) => f.phase === "" || f.phase === "Pending"),
  ),

  // 8. Init in progress.
  ...block(
    (f) => f.init !== NOBODY,
    rule("PM420", "cloning", "Cloning", "", "init", (f) => f.init.running && f.initIsClone),
    rule("PM421", "provisioning", "InitRunning", "", "init", (f) => f.init.running),
    rule("PM423", "cloning", "InitRetrying", "", "init", (f) => f.init.terminated !== undefined && f.initIsClone),
    rule("PM423", "provisioning", "InitRetrying", "", "init", (f) => f.init.terminated !== undefined),
    ...block(
      (f) => f.init.waitingReason === CRASH_LOOP,
      rule("PM425", "error", "CloneCrashLoop", "", "init", (f) => f.initIsClone),
      rule("PM426", "error", "SidecarCrashLoop", "", "init", (f) => f.init.restartable),
      rule("PM424", "error", "InitCrashLoop", "", "init", always),
    ),
    ...waitingFamily("init"),
    rule("PM422", "provisioning", "InitWaiting", "", "init", always),
  ),

  // 9. Agent waiting.
  ...block(
    (f) => f.agent.waiting,
    ...waitingFamily("agent"),
    rule("PM240", "starting", "AgentRestarting", "", "last", (f) => f.agent.last !== undefined),
    rule("PM450", "provisioning", "ContainerCreating", "", "agent", (f) => f.agentWaits("ContainerCreating")),
    rule("PM451", "provisioning", "PodInitializing", "", "agent", (f) => f.agentWaits("PodInitializing")),
    rule("PM452", "starting", "ContainerCreated", "", "agent", (f) => f.agentWaits("") && f.agent.created),
    rule("PM455", "provisioning", "AgentWaiting", "", "agent", (f) => f.agentWaits("")),
    rule("PM454", "provisioning", "WaitingUnknownReason", "", "agent", always),
  ),

  // 10. No agent status.
  rule("PM900", "running", "AgentStatusMissing", "", "pod", (f) => f.phase === "Running"),
  rule("PM407", "provisioning", "PodScheduledNoContainers", "", "pod", (f) => f.phase === "" || f.phase === "Pending"),
];

/** Asked last and of everything, so that the table is total. */
const UNCLASSIFIED = rule("PM999", "provisioning", "Unclassified", "", "pod", always);

/**
 * The phase of the agent in a pod that was read. Total: answers for any value.
 * Without now nothing that depends on the passing of time is an error. null is
 * an absent pod of which nothing is known.
 */
export function mapPod(pod: unknown, options: Partial<Options> = {}, now?: Date): Result {
  if (pod === null) {
    return mapAbsent(null);
  }
  const facts = new Facts(object(pod), { ...DEFAULTS, ...options }, now && wholeSeconds(now));
  return resultOf(RULES.find((r) => r.when(facts)) ?? UNCLASSIFIED, facts);
}

function resultOf(r: Rule, facts: Facts): Result {
  const [container, ended] = subject(r.about, facts);
  const words = container?.waitingMessage || ended?.message || facts.message;
  return {
    phase: r.phase === "disruption" ? facts.disruptionPhase : r.phase,
    rule: r.id,
    reason: r.reason || facts.disruption,
    terminal: r.flags.includes("T"),
    retryable: r.flags.includes("R"),
    exitCode: ended?.code ?? null,
    container: container?.name || null,
    notes: facts.notes,
    message: words || string(facts.conditions.get("PodScheduled")?.["message"]),
    ...(r.reason === "" && { disruptionPhase: facts.disruptionPhase }),
  };
}

/** The container that a verdict is about, and how it ended if it did. */
function subject(about: About, { init, initFailure, agent, agentFound }: Facts): [Container?, (Terminated | undefined)?] {
  switch (about) {
    case "pod":
      return [];
    case "init":
      return [init, init.terminated ?? initFailure ?? (init.waitingReason === CRASH_LOOP ? init.last : undefined)];
    case "agent":
      return agentFound ? [agent, agent.terminated] : [];
    case "last":
      return [agent, agent.last];
  }
}

/** What is known of a pod that does not exist. */
export interface Absence {
  readonly stopRequested?: boolean;
  /** Seconds since it was last seen. */
  readonly absentFor?: number | null;
}

/**
 * The phase of an agent whose pod is confirmed not to exist: a 404, never a
 * failed read. known is the result of the last time it was seen.
 */
export function mapAbsent(known: Result | null, absence: Absence = {}, options: Partial<Options> = {}): Result {
  const { absentGrace, vanishedPhase } = { ...DEFAULTS, ...options };
  const result = (rule: string, phase: Phase, reason: string, terminal = false, retryable = false): Result => ({
    phase,
    rule,
    reason,
    terminal,
    retryable,
    exitCode: null,
    container: null,
    notes: [],
    message: "",
  });
  if (!known && !absence.stopRequested) {
    return result("PM001", "created", "PodAbsent");
  }
  // Whoever wrote it down: what is left out is not so, and only an end is final.
  const last = known && { ...result("", known.phase, ""), ...known, ...(!isFinal(known.phase) && { terminal: false, retryable: false }) };
  if (last?.terminal) {
    return { ...last, rule: "PM002" };
  }
  if (isFinal(last?.disruptionPhase)) {
    return result("PM003", last.disruptionPhase, last.reason, true, true);
  }
  if (!last || absence.stopRequested || last.phase === "stopping") {
    return result("PM004", "stopped", "StopRequested", true);
  }
  if (absence.absentFor === undefined || absence.absentFor === null || absence.absentFor < absentGrace) {
    return { ...last, rule: "PM005" };
  }
  return result("PM006", vanishedPhase, "PodVanished", true, true);
}

// --- The agent's own word ----------------------------------------------------

const LEGACY_PHASES: ReadonlyMap<string, readonly [phase: Phase, activity: string]> = new Map([
  ["pending", ["created", ""]],
  ["resumed", ["running", ""]],
  ["restored", ["stopped", ""]],
  ["deleted", ["stopped", ""]],
  ["exited", ["stopped", ""]],
  ["undetermined", ["running", "offline"]],
  ["busy", ["running", "thinking"]],
  ["initializing", ["starting", ""]],
  ["shutting_down", ["stopping", ""]],
]);
const ACTIVITIES = new Set([
  "idle",
  "working",
  "thinking",
  "executing",
  "waiting_for_input",
  "blocked",
  "completed",
  "limits_exceeded",
  "stalled",
  "offline",
  "crashed",
]);

/** What is left behind by an agent that ended, so is not what a running one does. */
const OF_THE_DEAD = new Set(["limits_exceeded", "crashed"]);

/** Without blanks around it and in lower case, both of ASCII alone, as all words are. */
const word = (value: unknown): string =>
  string(value)
    .replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "")
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** A self-report in today's words, whatever version of the agent wrote it. */
interface SelfReport {
  /** undefined: none that means anything. */
  readonly phase: Phase | "suspended" | undefined;
  readonly activity: string;
  readonly note?: "legacy-phase" | "unknown-self-phase";
}

function readPhase(phase: string, activity: string, podPhase: Phase): SelfReport {
  if (phase === "") {
    return { phase: undefined, activity };
  }
  const current = phase === "suspended" ? phase : PHASES.find((p) => p === phase);
  if (current) {
    return { phase: current, activity };
  }
  if (phase === "ended") {
    return { phase: podPhase === "error" ? "error" : "stopped", activity, note: "legacy-phase" };
  }
  const legacy = LEGACY_PHASES.get(phase);
  if (legacy) {
    return { phase: legacy[0], activity: activity || legacy[1], note: "legacy-phase" };
  }
  if (ACTIVITIES.has(phase)) {
    return { phase: "running", activity: activity || phase, note: "legacy-phase" };
  }
  return { phase: undefined, activity, note: "unknown-self-phase" };
}

/**
 * The phase and activity to show: what the pod proves, refined by what the agent
 * says. A self-report is fresh when it is not older than the start of the
 * agent's container; without both times it is not.
 */
export function reconcile(pod: Result, selfReport: unknown, containerStartedAt?: Date): Report {
  if (!isObject(selfReport)) {
    return { phase: pod.phase, activity: "", rule: "RC00", source: "pod", notes: [] };
  }
  const activity = word(selfReport["activity"]);
  const known = activity === "" || ACTIVITIES.has(activity);
  const said = readPhase(word(selfReport["phase"]), known ? activity : "", pod.phase);
  const notes = [...(known ? [] : ["unknown-self-activity"]), ...(said.note ? [said.note] : [])].sort();
  const updatedAt = parseTime(selfReport["updatedAt"]);
  const fresh = !!updatedAt && !!containerStartedAt && updatedAt >= containerStartedAt;
  const { rule, phase, activity: shown = "" } = weigh(pod, said, fresh);
  const source = phase === pod.phase ? "pod" : "self";
  return { phase, activity: phase === "running" ? shown : "", rule, source, notes };
}

interface Weighed {
  readonly rule: string;
  readonly phase: Phase;
  readonly activity?: string;
}

/** In order, first match wins. */
function weigh(pod: Result, said: SelfReport, fresh: boolean): Weighed {
  if (pod.rule === "PM310") {
    return { rule: "RC05", phase: pod.phase, activity: "offline" };
  }
  if (["PM233", "PM234", "PM236", "PM237"].includes(pod.rule) && said.activity === "limits_exceeded") {
    return { rule: "RC12", phase: "stopped" };
  }
  if (["PM100", "PM101", "PM102", "PM103", "PM104"].includes(pod.rule) && said.activity === "completed") {
    return { rule: "RC13", phase: "stopped" };
  }
  if (pod.terminal || pod.phase === "stopped") {
    return { rule: "RC10", phase: pod.phase };
  }
  if (pod.phase === "stopping") {
    return { rule: "RC20", phase: "stopping" };
  }
  if (pod.phase === "error") {
    return { rule: "RC50", phase: "error" };
  }
  if (pod.phase === "running") {
    return weighRunning(said, fresh);
  }
  if (pod.phase === "starting" && fresh && (said.phase === "cloning" || said.phase === "provisioning")) {
    return { rule: "RC41", phase: said.phase };
  }
  return { rule: "RC40", phase: pod.phase };
}

function weighRunning({ phase, activity }: SelfReport, fresh: boolean): Weighed {
  const stale: Weighed = { rule: "RC32", phase: "running", activity };
  switch (phase) {
    case "created":
    case "provisioning":
    case "cloning":
    case "starting":
      // A live pod is never created.
      return fresh ? { rule: "RC31", phase: phase === "created" ? "starting" : phase } : stale;
    case "stopping":
      return fresh ? { rule: "RC33", phase } : stale;
    case "error":
      return fresh ? { rule: "RC35", phase } : stale;
    case "stopped":
    case "suspended":
      return { rule: "RC34", phase: "running", activity: OF_THE_DEAD.has(activity) ? "" : activity };
    case "running":
      return { rule: "RC30", phase, activity };
    case undefined:
      return { rule: "RC36", phase: "running", activity };
  }
}
