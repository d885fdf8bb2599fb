package diff

import (
	"slices"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// selector is a set of labels' values that objects are selected by: all of its
// requirements must hold. The empty one selects everything.
type selector []requirement

// requirement is one of the API's LabelSelectorRequirement, or NodeSelectorRequirement.
type requirement struct {
	key, op string
	values  []string
}

// selectorOf reads a LabelSelector. What of it the API does not know is a
// requirement of its own.
func selectorOf(n *manifest.Node) selector {
	var s selector
	for _, f := range orNull(n).Fields {
		switch f.Key {
		case "matchLabels":
			s = append(s, equals(f.Value)...)
		case "matchExpressions":
			for _, r := range items(f.Value) {
				s = append(s, requirementOf(r))
			}
		default:
			s = append(s, requirement{f.Key, "", []string{string(spell(nil, f.Value))}})
		}
	}
	return s
}

// equals is the selector that a map of labels is.
func equals(labels *manifest.Node) selector {
	var s selector
	for _, f := range orNull(labels).Fields {
		s = append(s, requirement{f.Key, "In", []string{text(f.Value)}})
	}
	return s
}

func requirementOf(n *manifest.Node) requirement {
	r := requirement{key: text(n.Get("key")), op: text(n.Get("operator"))}
	for _, v := range items(n.Get("values")) {
		r.values = append(r.values, text(v))
	}
	return r
}

func labelsOf(n *manifest.Node) map[string]string {
	out := map[string]string{}
	for _, f := range orNull(n).Fields {
		out[f.Key] = text(f.Value)
	}
	return out
}

// selects reports whether it selects an object with these labels.
func (s selector) selects(labels map[string]string) bool {
	return !slices.ContainsFunc(s, func(r requirement) bool {
		value, has := labels[r.key]
		switch r.op {
		case "In":
			return !has || !slices.Contains(r.values, value)
		case "NotIn":
			return has && slices.Contains(r.values, value)
		case "Exists":
			return !has
		case "DoesNotExist":
			return has
		}
		return true
	})
}

// and selects what both select.
func (s selector) and(t selector) selector { return slices.Concat(s, t) }

// selectorFor is what is known of an object with these labels.
func selectorFor(labels map[string]string) selector {
	var s selector
	for key, value := range labels {
		s = append(s, requirement{key, "In", []string{value}})
	}
	return s
}

// values are those that a label may have; limited is false where any will do.
func (s selector) values(key string) (values []string, limited bool) {
	for _, r := range s {
		if r.key == key && r.op == "In" {
			return r.values, true
		}
	}
	return nil, false
}

// known is what a selector says of the value of one key.
type known struct {
	exists, absent bool
	limited        bool
	in, notIn      []string // in counts where limited
}

func (s selector) known(key string) known {
	var k known
	for _, r := range s {
		if r.key != key {
			continue
		}
		switch r.op {
		case "In":
			k.exists = true
			if !k.limited {
				k.in = r.values
			} else {
				k.in = slices.DeleteFunc(slices.Clone(k.in), func(v string) bool { return !slices.Contains(r.values, v) })
			}
			k.limited = true
		case "NotIn":
			k.notIn = append(k.notIn, r.values...)
		case "Exists":
			k.exists = true
		case "DoesNotExist":
			k.absent = true
		}
	}
	k.in = slices.DeleteFunc(slices.Clone(k.in), func(v string) bool { return slices.Contains(k.notIn, v) })
	return k
}

// possible reports whether there may be an object that the selector selects.
func (s selector) possible() bool {
	return !slices.ContainsFunc(s, func(r requirement) bool {
		k := s.known(r.key)
		return k.exists && k.absent || k.limited && len(k.in) == 0
	})
}

// implies reports whether all that s selects, t selects too.
func (s selector) implies(t selector) bool {
	if !s.possible() {
		return true
	}
	return !slices.ContainsFunc(t, func(r requirement) bool { return !s.ensures(r) })
}

func (s selector) ensures(r requirement) bool {
	k := s.known(r.key)
	within := func(v string) bool { return slices.Contains(r.values, v) }
	switch r.op {
	case "In":
		return k.limited && !slices.ContainsFunc(k.in, func(v string) bool { return !within(v) })
	case "NotIn":
		excluded := func(v string) bool { return slices.Contains(k.notIn, v) }
		return k.absent || k.limited && !slices.ContainsFunc(k.in, within) ||
			!slices.ContainsFunc(r.values, func(v string) bool { return !excluded(v) })
	case "Exists":
		return k.exists
	case "DoesNotExist":
		return k.absent
	}
	return slices.ContainsFunc(s, func(own requirement) bool {
		return own.key == r.key && own.op == r.op && slices.Equal(own.values, r.values)
	})
}
