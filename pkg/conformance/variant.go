package conformance

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	golden "github.com/scion-gen/scion-gen/golden/phasemap"
	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// tree is a JSON object as the changes below see it. They never change the one
// they are given.
type tree = map[string]any

// podOf reads the pod of a case, numbers as they are written.
func podOf(c golden.Case) (tree, bool) {
	decoder := json.NewDecoder(bytes.NewReader(c.Pod))
	decoder.UseNumber()
	var pod tree
	err := decoder.Decode(&pod)
	return pod, err == nil && pod != nil
}

// withPod is the request of a case for another pod.
func withPod(c golden.Case, pod tree) request {
	r := requestOf(c)
	r["pod"] = pod
	return r
}

// walk rebuilds a value, objects by visit, which sees the children rebuilt.
// path holds the names on the way to it.
func walk(value any, path []string, visit func(tree, []string) tree) any {
	switch value := value.(type) {
	case tree:
		rebuilt := tree{}
		for name, child := range value {
			rebuilt[name] = walk(child, append(slices.Clip(path), name), visit)
		}
		return visit(rebuilt, path)
	case []any:
		rebuilt := make([]any, len(value))
		for i, child := range value {
			rebuilt[i] = walk(child, path, visit)
		}
		return rebuilt
	}
	return value
}

// sets are the lists of a pod that Kubernetes reads by name or type. The init
// containers of the spec are not among them: they run in order.
var sets = map[string]string{"conditions": "type", "containerStatuses": "name", "initContainerStatuses": "name", "containers": "name"}

// shuffled shuffles the sets. A list with two of one key is left alone, since
// which of them counts is a matter of order, and so are the statuses of init
// containers where they are all that tells the order.
func shuffled(pod tree, random *rand.Rand) tree {
	for _, part := range []string{"spec", "status"} {
		object, ok := pod[part].(tree)
		if !ok {
			continue
		}
		object = maps.Clone(object)
		for _, name := range slices.Sorted(maps.Keys(sets)) {
			list, ok := object[name].([]any)
			if ok && distinct(list, sets[name]) && (name != "initContainerStatuses" || declaresInits(pod)) {
				list = slices.Clone(list)
				random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
				object[name] = list
			}
		}
		pod = with(pod, part, object)
	}
	return pod
}

func with(object tree, name string, value any) tree {
	object = maps.Clone(object)
	object[name] = value
	return object
}

func distinct(list []any, key string) bool {
	seen := map[any]bool{}
	for _, item := range list {
		if object, ok := item.(tree); ok {
			name, _ := object[key].(string)
			if seen[name] {
				return false
			}
			seen[name] = true
		}
	}
	return true
}

func declaresInits(pod tree) bool {
	spec, _ := pod["spec"].(tree)
	inits, _ := spec["initContainers"].([]any)
	return len(inits) > 0
}

// freeKeys are objects whose keys are data: an addition there is no unknown
// field, and may not even decode.
var freeKeys = []string{
	"annotations", "labels", "nodeSelector", "limits", "requests", "allocatedResources",
	"capacity", "overhead", "fieldsV1", "matchLabels", "volumeAttributes",
}

// extended adds a field of the future to every object.
func extended(pod tree) tree {
	return walk(pod, nil, func(object tree, path []string) tree {
		if slices.ContainsFunc(path, func(name string) bool { return slices.Contains(freeKeys, name) }) {
			return object
		}
		object["fieldOfTheFuture"] = tree{"name": "agent", "phase": "Failed", "reason": []any{"Evicted", 1, nil}}
		return object
	}).(tree)
}

// speechless removes every message of the status.
func speechless(pod tree) tree {
	return walk(pod, nil, func(object tree, path []string) tree {
		if len(path) > 0 && path[0] == "status" {
			delete(object, "message")
		}
		return object
	}).(tree)
}

// mask is a set of paths as a tree; nil keeps everything below.
type mask map[string]mask

func usedFields() mask {
	root := mask{}
	for _, path := range phasemap.Fields() {
		at := root
		names := pathNames(path)
		for _, name := range names[:len(names)-1] {
			if at[name] == nil {
				at[name] = mask{}
			}
			at = at[name]
		}
		at[names[len(names)-1]] = nil
	}
	return root
}

// pathNames splits a path such as spec.containers[].name, or
// metadata.annotations["a.b/c"].
func pathNames(path string) []string {
	path, key, found := strings.Cut(path, `["`)
	names := strings.Split(strings.ReplaceAll(path, "[]", ""), ".")
	if found {
		names = append(names, strings.TrimSuffix(key, `"]`))
	}
	return names
}

// masked keeps the used fields alone. What is of the wrong type is kept as it is.
func masked(pod tree) tree { return keep(pod, usedFields()).(tree) }

func keep(value any, m mask) any {
	switch value := value.(type) {
	case tree:
		kept := tree{}
		for name, child := range value {
			if below, used := m[name]; used && below == nil {
				kept[name] = child
			} else if used {
				kept[name] = keep(child, below)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(value))
		for i, item := range value {
			kept[i] = keep(item, m)
		}
		return kept
	}
	return value
}
