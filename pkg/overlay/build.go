package overlay

import (
	"context"
	"errors"
	"sync"

	"k8s.io/pod-security-admission/api"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provenance"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// builder is one build.
type builder struct {
	source  *source
	options Options
	size    int  // of parts, in objects
	always  bool // in parts, however little that helps
	plan    *plan
	objects []Object

	verifier *verifier // nil where nothing is checked
	lock     sync.Mutex
	failures manifest.Errors
	suspects []suspect
	seen     map[string]bool
}

// partSize is how many objects a part prints: less, and the 6 ms of CPU time
// that kustomize takes to start weigh more than what is compared for nothing.
const partSize = 16

func (b *builder) build() ([]Object, error) {
	objects, err := b.inParts()
	reason, whole := errors.AsType[*notParted](err)
	if whole {
		b.options.log("%s: one run: %v", b.source.given, reason)
		objects, err = b.whole()
	}
	b.objects = objects
	return objects, err
}

// whole builds in one run.
func (b *builder) whole() ([]Object, error) {
	m, err := kustomize(b.source.fsys, b.source.given, b.options)
	if err != nil {
		return nil, b.explain(err)
	}
	var objects []Object
	for _, r := range m.Resources() {
		if err := asStock(r); err != nil {
			return nil, err
		}
		o, err := b.print(r)
		if err != nil {
			return nil, b.explain(err)
		}
		objects = append(objects, o)
	}
	for i := range objects {
		if b.plan == nil {
			break
		}
		if v := b.plan.final[keyOf(objects[i].ID)]; v != nil {
			v.built = &objects[i]
		}
	}
	return objects, nil
}

// asStock makes the label that kustomize adds for managedByLabel what the command
// makes it: in another program kustomize does not know its version.
func asStock(r *resource.Resource) error {
	labels := r.GetLabels()
	if labels[konfig.ManagedbyLabelKey] != "kustomize-"+provenance.GetProvenance().Semver() {
		return nil
	}
	labels[konfig.ManagedbyLabelKey] = "kustomize-" + stockVersion
	return r.SetLabels(labels)
}

// stockVersion is the version of the command that has the kustomize/api of go.mod.
const stockVersion = "v5.8.2"

// print writes an object, and looks at it.
func (b *builder) print(r *resource.Resource) (Object, error) {
	data, n, err := encode(r)
	if err != nil || b.verifier == nil {
		return Object{ID: r.CurId(), YAML: data}, err
	}
	o := Object{ID: r.CurId(), YAML: data}
	if n == nil {
		var ignored manifest.Errors
		docs := manifest.Parse(o.ID.Name, data, &ignored)
		if len(docs) != 1 {
			return o, nil
		}
		n = docs[0].Root
	}
	b.suspect(o.ID, n, b.verifier.findings(n, api.LevelRestricted))
	return o, nil
}

// suspect keeps an object that has something wrong with it, the first in its
// namespace to have that.
func (b *builder) suspect(id resid.ResId, n *manifest.Node, found []finding) {
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, f := range found {
		if key := id.Namespace + "/" + string(f); !b.seen[key] {
			b.seen[key] = true
			b.suspects = append(b.suspects, suspect{id, n})
		}
	}
}

// inParts builds part by part, or returns a notParted.
func (b *builder) inParts() ([]Object, error) {
	p, err := newPlan(b.source)
	if err != nil {
		return nil, err
	}
	b.plan = p
	if len(p.units) < 2*b.size && !b.always {
		return nil, oneRun("%d objects are too few for parts", len(p.units))
	}
	parts := p.split(b.size)
	if err := worthIt(p, parts); err != nil && !b.always {
		return nil, err
	}
	b.options.log("%s: %d objects in %d runs", b.source.given, len(p.visits), len(parts))
	built := make([]Object, len(p.visits))
	c := &cutter{source: b.source, plan: p, rests: map[restOf][]byte{}}
	err = b.each(parts, func(part *part) error {
		v, err := c.view(part)
		if err != nil {
			return err
		}
		m, err := kustomize(v, b.source.given, b.options)
		if err != nil {
			return b.failed(v, err)
		}
		return b.collect(part, m, built)
	})
	if err == nil {
		err = inOrderOfPlace(b.failures).Err()
	}
	if err != nil {
		return nil, err
	}
	objects := make([]Object, 0, len(built))
	for i, o := range built {
		if o.YAML != nil {
			p.visits[i].built = &built[i]
			objects = append(objects, o)
		}
	}
	return inOrder(objects, b.source.root.SortOptions), nil
}

// failed keeps the mistakes for which a part failed, so that the other parts can
// tell theirs; what many say is looked into once.
func (b *builder) failed(v *view, err error) error {
	b.lock.Lock()
	key := readable(err)
	known := b.seen[key]
	b.seen[key] = true
	b.lock.Unlock()
	if known {
		return nil
	}
	accused, ok := errors.AsType[manifest.Errors](b.accuse(v, err))
	if !ok {
		return oneRun("%v", err) // which has the error, if there is one
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, e := range accused {
		if key := e.Error(); !b.seen[key] {
			b.seen[key] = true
			b.failures = append(b.failures, e)
		}
	}
	return nil
}

// worthIt returns a notParted where parts would do more work than one run: the
// work of a run grows with the square of its objects.
func worthIt(p *plan, parts []*part) error {
	work := 0
	for _, part := range parts {
		work += len(part.units) * (len(part.units) + partSize)
	}
	if len(parts) < 2 || work > len(p.units)*len(p.units) {
		return oneRun("its objects refer to too many others")
	}
	return nil
}

// each does the work of the parts, so many at once as there are workers. The
// first error ends it.
func (b *builder) each(parts []*part, work func(*part) error) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	var group sync.WaitGroup
	next := make(chan *part)
	done := 0
	for range max(1, b.options.Workers) {
		group.Go(func() {
			for part := range next {
				if err := work(part); err != nil {
					stop(err)
				}
				b.lock.Lock()
				done++
				b.progress(done, len(parts))
				b.lock.Unlock()
			}
		})
	}
	for _, part := range parts {
		if ctx.Err() != nil {
			break
		}
		next <- part
	}
	close(next)
	group.Wait()
	return context.Cause(ctx)
}

func (b *builder) progress(done, parts int) {
	if b.options.Progress != nil {
		b.options.Progress(done, parts)
	}
}

// collect puts the objects that a part prints to their places. What else is in
// it, another part prints.
func (b *builder) collect(part *part, m resmap.ResMap, built []Object) error {
	for _, r := range m.Resources() {
		id := r.CurId()
		v := b.plan.final[keyOf(id)]
		if v == nil || !part.has[v.unit] {
			return oneRun("%s came out of a part unforeseen", id)
		}
		if v.unit.owner != part.number {
			continue
		}
		if built[v.order].YAML != nil {
			return oneRun("%s came out of a part twice", id)
		}
		o, err := b.print(r)
		if err != nil {
			return oneRun("%v", err)
		}
		built[v.order] = o
	}
	return nil
}
