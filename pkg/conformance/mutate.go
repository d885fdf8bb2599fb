package conformance

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
)

// place is where a value stands in a pod.
type place struct {
	get func() any
	set func(any)
	cut func()
}

// mutated returns a copy of pod with one to four things changed: a value gone,
// null, of another type, extreme, from elsewhere in the pod, or from a donor.
func mutated(pod, donor tree, random *rand.Rand) tree {
	pod = copied(pod).(tree)
	for range 1 + random.IntN(4) {
		places := placesIn(pod)
		if len(places) == 0 {
			return pod
		}
		at := places[random.IntN(len(places))]
		switch random.IntN(4) {
		case 0:
			at.cut()
		case 1:
			at.set(oddities()[random.IntN(len(oddities()))])
		case 2:
			at.set(copied(places[random.IntN(len(places))].get()))
		case 3:
			transplant(pod, donor, random)
		}
	}
	return pod
}

// oddities are values that readers trip over. A Pod has no field that takes all
// of them.
func oddities() []any {
	return []any{
		nil, true, "", "x", "Unknown", "ended", "2026-13-45T99:00:00Z", "0001-01-01T00:00:00Z",
		"2026-09-01T9:50:00Z", "2026-09-01T11:50:00,25Z", "2026-09-01T11:59:00.9999999999Z", "2026-09-01T12:59:00+24:60",
		json.Number("0"), json.Number("-1"), json.Number("255"), json.Number("1.5"), json.Number("1.0"), json.Number("137e0"),
		json.Number("3221225786"), json.Number("9223372036854775807"), json.Number("18446744073709551616"), json.Number("1e40"),
		[]any{}, []any{nil, "x", tree{}}, tree{}, tree{"terminated": tree{}, "running": tree{}, "waiting": tree{}},
	}
}

// transplant takes one member of the donor's metadata, spec or status.
func transplant(pod, donor tree, random *rand.Rand) {
	part := []string{"metadata", "spec", "status"}[random.IntN(3)]
	from, _ := donor[part].(tree)
	to, _ := pod[part].(tree)
	if len(from) == 0 || to == nil {
		return
	}
	names := slices.Sorted(maps.Keys(from))
	name := names[random.IntN(len(names))]
	to[name] = copied(from[name])
}

func copied(value any) any {
	return walk(value, nil, func(object tree, _ []string) tree { return object })
}

// placesIn lists every member and item below an object, in a stable order.
func placesIn(object tree) []place {
	var places []place
	for _, name := range slices.Sorted(maps.Keys(object)) {
		places = append(places, place{
			get: func() any { return object[name] },
			set: func(value any) { object[name] = value },
			cut: func() { delete(object, name) },
		})
		places = append(places, placesBelow(object[name])...)
	}
	return places
}

func placesBelow(value any) []place {
	switch value := value.(type) {
	case tree:
		return placesIn(value)
	case []any:
		var places []place
		for i := range value {
			places = append(places, place{
				get: func() any { return value[i] },
				set: func(item any) { value[i] = item },
				cut: func() { value[i] = nil },
			})
			places = append(places, placesBelow(value[i])...)
		}
		return places
	}
	return nil
}
