// Package diff says what a reviewer needs to know of a change to Kubernetes
// manifests: which objects differ and where, what the API server and the
// kubelet will do about it, what of it weakens security, and how few different
// changes there are when a thousand objects change alike.
//
// Objects are matched by group, kind, namespace and name, never by file; where a
// side holds several trees, within each of them. Values are compared as the API
// reads them: key order, quoting, 1000m against 1 and the order of lists that
// the API treats as maps or sets are no change.
//
// Start with Read for each side, Compare the two, and hand the Report to an
// output of pkg/diff/report. Outputs are a package of their own so that none
// can reach a value that is not redacted: a Report exports redacted values
// only.
//
// It is not a line diff, it applies nothing, and it talks to no cluster.
package diff

// Report is the difference between two sides. It holds no time, host or
// random value: equal input makes an equal Report.
type Report struct {
	// Old and New are the sides as the user named them.
	Old, New string
	// Objects are those that differ, by namespace, kind and name.
	Objects []Object
	// Groups hold every Edit of every Object once: like changes together, the
	// gravest and largest first.
	Groups  []Group
	Summary Summary
	// Gate is what Gate.Check found, nil where there was none.
	Gate *GateResult
}

// Summary counts objects and flags. An object that is in several trees counts
// once.
type Summary struct {
	OldObjects, NewObjects int // on each side
	Same                   int // matched and without a change in any tree
	Moved                  int // of Same: those in another file now
	Renamed                int
	SessionsLost           int // objects with an Outcome that says so
	// Verdicts counts the Objects by Object.Verdict, Flags the flags of all
	// objects by severity. Each has an entry for every Verdict and Severity
	// that occurs, and for no other.
	Verdicts map[Verdict]int
	Flags    map[Severity]int
}

// Ref names an object.
type Ref struct {
	Group, Version, Kind, Namespace, Name string
}

// Object is one object that differs.
type Object struct {
	// Ref is the new object's, or the old one's where it was deleted.
	Ref Ref
	// Was is the old object's where it was renamed, or has another version
	// now; nil otherwise.
	Was *Ref
	// Renamed says that Was has another name or namespace.
	Renamed bool
	// Scopes are the trees of the sides in which the object differs, sorted:
	// File.Scope, and "a -> b" where the object went from one to another. Nil
	// where no object of either side is in several trees.
	Scopes []string
	// Old and New are where the object starts, in the first of the Scopes; zero
	// where it is not there.
	Old, New Pos
	// Verdict is the gravest of the Edits.
	Verdict Verdict
	// Edits are by path. An object that is new or deleted has one, with the
	// path "" and the object as its value, and one more for each scope in which
	// it is another.
	Edits []Edit

	oldNames, newNames aliases
}

// Pos is a place in an input: a file as the user can find it, and a line that
// counts from 1. The zero Pos says that there is none.
type Pos struct {
	File string
	Line int
}

// Op is what an Edit does.
type Op string

// The Ops. OpMove says that items of a list stand in another order, where
// order matters; its values are the lists of their keys.
const (
	OpAdd    Op = "add"
	OpRemove Op = "remove"
	OpChange Op = "change"
	OpMove   Op = "move"
)

// Edit is one difference of one field.
type Edit struct {
	Op Op
	// Path is the field as Kubernetes spells it, with items of a list by
	// their key where it has one: spec.containers[agent].env[HOME].value.
	// Empty for the object as a whole.
	Path string
	// Old and New are the values, redacted; nil where there is none.
	Old, New *Value
	// OldPos and NewPos are where the values stand, or where the mapping or
	// list stands that lacks them.
	OldPos, NewPos Pos
	// Outcome is what the change does to a running object.
	Outcome Outcome
	// Flags are what of the change weakens security.
	Flags []Flag
	// Scopes are those of the object's Scopes in which the field changed so:
	// an object may change otherwise in another tree.
	Scopes []string

	raw   rawEdit
	shown []step // the path of raw, fit to be shown
	// literal says that the new side hides what should be in a Secret, and the
	// old one does not.
	literal bool
}

// Value is one side of an Edit, fit to be shown to anybody.
type Value struct {
	Kind ValueKind
	// Text is a scalar's text, without quotes, or a list or mapping as YAML,
	// without a final newline. Hidden parts read like "<redacted, 40 bytes>",
	// and "<redacted, 40 bytes, changed>" on the new side where the old one
	// hides another value of that length in the same place.
	Text string
	// Redacted says that parts of Text are hidden, and Bytes how long these
	// are together. Values that are equal are never an Edit, hidden or not: so
	// two hidden values of one Edit always differ.
	Redacted bool
	Bytes    int
}

// ValueKind is the kind of a Value: one of the six that JSON has.
type ValueKind string

// The ValueKinds.
const (
	KindNull    ValueKind = "null"
	KindBool    ValueKind = "boolean"
	KindNumber  ValueKind = "number"
	KindString  ValueKind = "string"
	KindList    ValueKind = "list"
	KindMapping ValueKind = "mapping"
)

// Verdict is what a change does to what runs. Its text is what flags, JSON
// and --fail-on call it.
type Verdict string

// The Verdicts, from the least grave to the gravest.
const (
	// InPlace: the object is updated and nothing that runs is touched.
	InPlace Verdict = "in-place"
	// OnResume: a Sandbox takes the change when it is resumed, or when its pod
	// is deleted; what runs is not touched.
	OnResume Verdict = "on-resume"
	// New: the object is created.
	New Verdict = "new"
	// Resize: possible in place, by the resize subresource alone; a plain
	// apply is refused.
	Resize Verdict = "resize"
	// Restart: the kubelet restarts the container; volumes stay, the agent's
	// session and the container's own file system are lost.
	Restart Verdict = "restart"
	// Recreate: the object, or its pods, must be deleted and made again; the
	// agent's session and what is in its emptyDirs are lost.
	Recreate Verdict = "recreate"
	// Delete: the object is deleted.
	Delete Verdict = "delete"
)

// Verdicts are all of them, from the least grave to the gravest.
var Verdicts = [...]Verdict{InPlace, OnResume, New, Resize, Restart, Recreate, Delete}

// Outcome is the Verdict of one Edit and what stands behind it.
type Outcome struct {
	Verdict Verdict
	// Effect says in a few words what happens, such as "the pod must be
	// deleted and made again: the agent's session is lost".
	Effect string
	// Refused says that the API server refuses the update by a server-side
	// apply, so that kubectl and GitOps tools fail until the object is
	// replaced by force, or updated in the way that Effect names.
	Refused bool
	// SessionLost says that what runs in the pods of the object is stopped.
	SessionLost bool
	// Rule is the id of the rule that says so, and Source where the rule
	// comes from.
	Rule, Source string
}

// Severity is how much a Flag matters.
type Severity string

// The Severities, from the least to the most.
const (
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Severities are all of them, from the least to the most.
var Severities = [...]Severity{Low, Medium, High}

// Flag says that a change weakens security.
type Flag struct {
	ID       string // stable, such as privileged or host-path
	Severity Severity
	// Path is the field, at or below the Edit's.
	Path string
	// Reason says what became weaker, Back how to have it as it was.
	Reason, Back string
}

// Group is what many objects have in common: the same fields of the same kind
// of object changed, in the same objects.
type Group struct {
	// Group and Kind of the objects; all of one Group have the same.
	Group, Kind string
	// Verdict is the gravest of the Changes.
	Verdict Verdict
	// Objects are indices into Report.Objects, ascending.
	Objects []int
	// Changes are by path. Each of them has each of the Objects.
	Changes []Change
}

// Change is one field that changed in all objects of a Group, with one Outcome
// and flags of the same ids, fields and severities. Where their reasons differ
// in what they name, the Reason here lists the first few of it.
type Change struct {
	Op      Op
	Path    string
	Outcome Outcome
	Flags   []Flag
	// Rows are the different values, those of most objects first. One Row
	// says that the change is the same everywhere.
	Rows []Row
}

// Row is the objects in which a field changed alike. Where values differ by
// the object's own names alone, Old and New have placeholders for them:
// {name}, {namespace}, {instance}, {agent}, {grove}, {id} and {slug}; what is
// written so in a value of the same Change is {{name}}. Both are nil where the
// objects themselves are new or deleted.
type Row struct {
	Old, New *Value
	// Objects are indices into Report.Objects, ascending, and Edits the index
	// of the Edit in each one's Edits. An object in which a field changed
	// otherwise in another tree is in a Row for each.
	Objects, Edits []int
}

// GateResult is what a Gate found.
type GateResult struct {
	// Violations are the edits and flags that the gate stops, in the order of
	// Report.Objects; Allowed those that the allow file lets pass.
	Violations, Allowed []Violation
	// Expired and Unused are entries of the allow file that would apply but
	// for their date, and that apply to nothing.
	Expired, Unused []Allowance
}

// Violation is one edit or flag that meets a condition of a Gate.
type Violation struct {
	// Condition is what of --fail-on it meets, such as recreate or
	// security:high.
	Condition string
	// Object is the index into Report.Objects, Edit that into its Edits.
	Object, Edit int
	// Flag is the index into the Edit's Flags where the condition is one of
	// security, -1 otherwise.
	Flag int
	// By is the entry of the allow file that lets it pass, if one does.
	By *Allowance
}

// Allowance is an entry of an allow file.
type Allowance struct {
	// On is the condition or flag id that is allowed, such as recreate,
	// security:high or host-path.
	On string
	// Kind, Namespace, Name and Path narrow it down; each may hold * for any
	// characters, and empty means any.
	Kind, Namespace, Name, Path string
	// Reason says why; it is required.
	Reason string
	// Expires is the last day, as 2006-01-02, on which it holds; empty means
	// for ever.
	Expires string
	Pos     Pos
}
