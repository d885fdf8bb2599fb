package diff

// podSpecs is where objects have the spec of pods.
var podSpecs = map[groupKind][]string{
	{"", "Pod"}:                                       {"spec"},
	{"", "PodTemplate"}:                               {"template", "spec"},
	{"", "ReplicationController"}:                     {"spec", "template", "spec"},
	{"apps", "DaemonSet"}:                             {"spec", "template", "spec"},
	{"apps", "Deployment"}:                            {"spec", "template", "spec"},
	{"apps", "ReplicaSet"}:                            {"spec", "template", "spec"},
	{"apps", "StatefulSet"}:                           {"spec", "template", "spec"},
	{"batch", "CronJob"}:                              {"spec", "jobTemplate", "spec", "template", "spec"},
	{"batch", "Job"}:                                  {"spec", "template", "spec"},
	{sandboxGroup, "Sandbox"}:                         {"spec", "podTemplate", "spec"},
	{"extensions." + sandboxGroup, "SandboxTemplate"}: {"spec", "podTemplate", "spec"},
}

// podSpecPath is where an object has the spec of pods, nil where it has none.
func podSpecPath(ref Ref) []string { return podSpecs[groupKind{ref.Group, ref.Kind}] }
