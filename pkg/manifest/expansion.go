package manifest

import "strings"

// References are the names in the references $(NAME) of an environment
// variable's value, as the kubelet reads it: $$ is a dollar sign (Kubernetes
// API, EnvVar.value).
func References(value string) []string {
	var names []string
	for {
		i := strings.IndexByte(value, '$')
		if i < 0 || i+1 >= len(value) {
			return names
		}
		rest := value[i+2:]
		if value[i+1] == '(' {
			if end := strings.IndexByte(rest, ')'); end >= 0 {
				names = append(names, rest[:end])
				rest = rest[end+1:]
			}
		}
		value = rest
	}
}
