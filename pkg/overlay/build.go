package overlay

import (
	"context"
	"errors"
	"sync"

	"sigs.k8s.io/kustomize/api/resmap"
)

// builder is one build.
type builder struct {
	source  *source
	options Options
	size    int // of parts, in objects
	objects []Object
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
		data, _, err := encode(r)
		if err != nil {
			return nil, err
		}
		objects = append(objects, Object{ID: r.CurId(), YAML: data})
	}
	return objects, nil
}

// inParts builds part by part, or returns a notParted.
func (b *builder) inParts() ([]Object, error) {
	if b.options.Whole {
		return nil, oneRun("asked for")
	}
	p, err := newPlan(b.source)
	if err != nil {
		return nil, err
	}
	if len(p.units) < 2*b.size {
		return nil, oneRun("%d objects are too few for parts", len(p.units))
	}
	parts := p.split(b.size)
	if err := worthIt(p, parts); err != nil {
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
			return oneRun("%v", err) // to have the error of one run
		}
		return p.collect(part, m, built)
	})
	if err != nil {
		return nil, err
	}
	objects := built[:0]
	for _, o := range built {
		if o.YAML != nil {
			objects = append(objects, o)
		}
	}
	return inOrder(objects, b.source.root.SortOptions), nil
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
	for range max(1, b.options.Workers) {
		group.Go(func() {
			for part := range next {
				if err := work(part); err != nil {
					stop(err)
				}
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

// collect puts the objects that a part prints to their places. What else is in
// it, another part prints.
func (p *plan) collect(part *part, m resmap.ResMap, built []Object) error {
	for _, r := range m.Resources() {
		id := r.CurId()
		v := p.final[keyOf(id)]
		if v == nil || !part.has[v.unit] {
			return oneRun("%s came out of a part unforeseen", id)
		}
		if v.unit.owner != part.number {
			continue
		}
		if built[v.order].YAML != nil {
			return oneRun("%s came out of a part twice", id)
		}
		data, _, err := encode(r)
		if err != nil {
			return err
		}
		built[v.order] = Object{ID: id, YAML: data}
	}
	return nil
}
