package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Options are how two sides are compared. The zero value compares everything.
type Options struct {
	// IgnorePaths are fields whose changes do not count, with all below them,
	// as Edit.Path has them: metadata.annotations, or
	// spec.containers[*].image. A * stands for any characters.
	IgnorePaths []string
	// IgnoreKinds are kinds whose objects do not count: Secret, or
	// Deployment.apps where the group matters.
	IgnoreKinds []string
	// Defaults takes a field that has the API server's default for one that is
	// absent.
	Defaults bool
}

// Compare finds what differs. It changes neither side.
func Compare(old, new *Side, o Options) *Report {
	c := comparison{Options: o, rules: rules{o.Defaults}, report: &Report{
		Old: old.Name, New: new.Name,
		Summary: Summary{Verdicts: map[Verdict]int{}, Flags: map[Severity]int{}},
	}}
	c.names = names{map[id]bool{}, map[id]bool{}, map[id]bool{}, map[id]bool{}}
	c.scoped = old.scoped() || new.scoped()
	c.trees = []string{""}
	if c.scoped {
		c.trees = trees(old, new)
	}
	c.was, c.is = c.surround(old), c.surround(new)
	c.match(old, new)
	slices.SortStableFunc(c.report.Objects, func(a, b Object) int {
		return cmp.Or(a.Ref.id().compare(b.Ref.id()), slices.Compare(a.Scopes, b.Scopes))
	})
	if c.scoped {
		c.report.Objects = merge(c.report.Objects)
	}
	c.count()
	for i := range c.report.Objects {
		c.report.Objects[i].hideNames()
	}
	c.report.summarize()
	c.report.Groups = group(c.report.Objects)
	return c.report
}

// comparison is one run of Compare.
type comparison struct {
	Options
	rules
	report   *Report
	old, new arena
	scoped   bool     // an object is in several scopes
	trees    []string // scopes that are apart from one another; one where none are
	names    names
	was, is  map[string]*surroundings // of each of the trees, on the old side and the new
	// before and after are what is around the object at hand.
	before, after *surroundings
}

// names are the objects of both sides whatever their scope, and those of them
// that are the same on both in one scope at least; moved says in another file.
type names struct {
	old, new map[id]bool
	same     map[id]bool
	moved    map[id]bool
}

func (c *comparison) ignored(ref Ref) bool {
	return slices.ContainsFunc(c.IgnoreKinds, func(kind string) bool {
		kind, group, hasGroup := strings.Cut(kind, ".")
		return strings.EqualFold(kind, ref.Kind) && (!hasGroup || group == ref.Group)
	})
}

// match pairs the objects of both sides.
func (c *comparison) match(old, new *Side) {
	var gone, came []*object
	for _, o := range old.objects {
		if c.ignored(o.ref) {
			continue
		}
		c.names.old[o.ref.id()] = true
		switch n := new.byKey[o.key()]; {
		case n != nil:
			c.pair(o, n)
		case o.patch:
			c.pair(o, unpatched(o))
		default:
			gone = append(gone, o)
		}
	}
	for _, n := range new.objects {
		if c.ignored(n.ref) {
			continue
		}
		c.names.new[n.ref.id()] = true
		switch {
		case old.byKey[n.key()] != nil:
		case n.patch:
			c.pair(unpatched(n), n)
		default:
			came = append(came, n)
		}
	}
	moved, gone, came := c.moves(gone, came)
	for _, m := range moved {
		c.pair(m[0], m[1])
	}
	renamed, gone, came := c.renames(old, new, gone, came)
	for _, r := range renamed {
		c.pair(r[0], r[1])
	}
	for _, o := range gone {
		c.single(OpRemove, o)
	}
	for _, n := range came {
		c.single(OpAdd, n)
	}
}

// pair compares an object that is on both sides.
func (c *comparison) pair(old, new *object) {
	c.old.reset()
	c.new.reset()
	p := pair{new: new.load(&c.new)}
	if p.new != nil && (old.doc.data == "" || old.doc.data != new.doc.data) {
		p.old = old.load(&c.old)
	} else {
		p.old = p.new // the same bytes, or a mistake that is reported
	}
	if p.old == nil || p.new == nil {
		return
	}
	obj := Object{Ref: new.ref, Old: old.pos, New: new.pos}
	obj.Renamed = old.ref.id() != new.ref.id()
	if old.ref != new.ref {
		obj.Was = &old.ref
	}
	e := editor{object: &obj, oldFile: old, newFile: new, ignore: c.IgnorePaths}
	walk := comparer{rules: c.rules, emit: func(raw rawEdit) {
		e.add(raw, func() Outcome {
			if obj.Renamed && isIdentity(raw.path) {
				return identityOutcome(new.ref)
			}
			return outcome(new.ref, raw, p)
		})
	}}
	walk.value(p.old, p.new, field{schema: schemaOf(new.ref)})
	if len(obj.Edits) == 0 {
		c.names.same[new.ref.id()] = true
		if old.path != "" && new.path != "" && old.path != new.path {
			c.names.moved[new.ref.id()] = true
		}
		return
	}
	obj.oldNames, obj.newNames = aliasesOf(old.ref, p.old), aliasesOf(new.ref, p.new)
	c.add(obj, p, old, new)
}

func isIdentity(path []step) bool {
	return len(path) == 2 && path[0].key == "metadata" && (path[1].key == "name" || path[1].key == "namespace")
}

// single reports an object that is on one side alone.
func (c *comparison) single(op Op, o *object) {
	c.new.reset()
	root := o.load(&c.new)
	if root == nil {
		return
	}
	obj := Object{Ref: o.ref, oldNames: aliasesOf(o.ref, root)}
	obj.newNames = obj.oldNames
	e := editor{object: &obj, oldFile: o, newFile: o, ignore: c.IgnorePaths}
	if op == OpAdd {
		obj.New = o.pos
		e.add(rawEdit{op: op, new: root}, func() Outcome { return newOutcome(o.ref) })
		c.add(obj, pair{new: root}, nil, o)
		return
	}
	obj.Old = o.pos
	e.add(rawEdit{op: op, old: root}, func() Outcome { return deleteOutcome(o.ref) })
	c.add(obj, pair{old: root}, o, nil)
}

// add takes an object that differs into the report; old or new is nil where it
// is not on that side.
func (c *comparison) add(obj Object, p pair, old, new *object) {
	slices.SortStableFunc(obj.Edits, func(a, b Edit) int { return comparePaths(a.raw.path, b.raw.path) })
	for _, e := range obj.Edits {
		if e.Outcome.Verdict.rank() > obj.Verdict.rank() {
			obj.Verdict = e.Outcome.Verdict
		}
	}
	c.flagObject(&obj, p, c.treesOf(cmp.Or(old, new), cmp.Or(new, old)))
	if c.scoped {
		scope := scopeOf(old, new)
		obj.Scopes = []string{scope}
		for i := range obj.Edits {
			obj.Edits[i].Scopes = []string{scope}
		}
	}
	c.report.Objects = append(c.report.Objects, obj)
}

// editor makes the Edits of an object.
type editor struct {
	object           *Object
	oldFile, newFile *object
	ignore           []string
}

func (e *editor) add(raw rawEdit, outcome func() Outcome) {
	raw = raw.clone() // the objects are not kept
	path := display(raw.path)
	if slices.ContainsFunc(e.ignore, func(pattern string) bool { return matchPath(pattern, path) }) {
		return
	}
	edit := Edit{
		Op:      raw.op,
		Path:    path,
		OldPos:  place(e.oldFile, raw.old, innermost(raw.oldAround), raw.op != OpAdd || len(raw.path) > 0),
		NewPos:  place(e.newFile, raw.new, innermost(raw.newAround), raw.op != OpRemove || len(raw.path) > 0),
		Outcome: outcome(),
		raw:     raw,
	}
	e.object.redact(&edit)
	edit.raw.oldAround, edit.raw.newAround = nil, nil
	e.object.Edits = append(e.object.Edits, edit)
}

// innermost is the mapping or list that a value stands in.
func innermost(around []*manifest.Node) *manifest.Node {
	if len(around) == 0 {
		return nil
	}
	return around[len(around)-1]
}

// onOld is a path as of the old side, where an item may stand elsewhere.
func onOld(path []step) []step {
	if last := len(path) - 1; last >= 0 && path[last].item && path[last].old >= 0 {
		path = slices.Clone(path)
		path[last].new = -1
	}
	return path
}

// place is where a value stands, or what it is missing from.
func place(o *object, n, in *manifest.Node, there bool) Pos {
	switch {
	case !there:
		return Pos{}
	case n != nil && n.Pos.Line > 0:
		return Pos{o.pos.File, int(n.Pos.Line)}
	case in != nil && in.Pos.Line > 0:
		return Pos{o.pos.File, int(in.Pos.Line)}
	}
	return o.pos
}

// matchPath reports whether a path is what a pattern names, or below it.
func matchPath(pattern, path string) bool {
	for i := range len(path) + 1 {
		if (i == len(path) || path[i] == '.' || path[i] == '[') && glob(pattern, path[:i]) {
			return true
		}
	}
	return false
}

// glob reports whether text is what pattern says, where * stands for any
// characters.
func glob(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(text, part)
		}
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text, rest = text[at+len(part):], more
	}
}

// count counts the objects, each once.
func (c *comparison) count() {
	for _, o := range c.report.Objects {
		delete(c.names.same, o.Ref.id())
	}
	s := &c.report.Summary
	s.OldObjects, s.NewObjects, s.Same = len(c.names.old), len(c.names.new), len(c.names.same)
	for name := range c.names.moved {
		if c.names.same[name] {
			s.Moved++
		}
	}
}

func (r *Report) summarize() {
	for _, o := range r.Objects {
		r.Summary.Verdicts[o.Verdict]++
		if o.Renamed {
			r.Summary.Renamed++
		}
		if slices.ContainsFunc(o.Edits, func(e Edit) bool { return e.Outcome.SessionLost }) {
			r.Summary.SessionsLost++
		}
		seen := map[Flag]bool{} // in another scope
		for _, e := range o.Edits {
			for _, f := range e.Flags {
				if !seen[f] {
					r.Summary.Flags[f.Severity]++
				}
				seen[f] = o.Scopes != nil
			}
		}
	}
}

// Verdict is the gravest of the report, empty where nothing differs.
func (r *Report) Verdict() Verdict {
	var worst Verdict
	for v := range r.Summary.Verdicts {
		if v.rank() > worst.rank() {
			worst = v
		}
	}
	return worst
}

// Rank orders severities; it is 1 for Low.
func (s Severity) Rank() int { return slices.Index(Severities[:], s) + 1 }

// Rank orders verdicts by gravity; it is 1 for InPlace.
func (v Verdict) Rank() int { return v.rank() + 1 }

func compareFlags(a, b Flag) int {
	return cmp.Or(cmp.Compare(b.Severity.Rank(), a.Severity.Rank()), strings.Compare(a.ID, b.ID), strings.Compare(a.Path, b.Path), strings.Compare(a.Reason, b.Reason))
}
