package podstream

func readYAML(src *source, yield func(Object, error) bool) {}
