package report

import "github.com/scion-gen/scion-gen/pkg/diff"

// byCondition counts violations by what of --fail-on they meet, in the order in
// which they come first.
func byCondition(violations []diff.Violation) []tallied[string] {
	var out []tallied[string]
	at := map[string]int{}
	for _, v := range violations {
		i, known := at[v.Condition]
		if !known {
			i = len(out)
			at[v.Condition] = i
			out = append(out, tallied[string]{Of: v.Condition})
		}
		out[i].N++
	}
	return out
}

// allowances counts what the entries of the allow file let pass.
func allowances(allowed []diff.Violation) []tallied[diff.Allowance] {
	var out []tallied[diff.Allowance]
	at := map[diff.Allowance]int{}
	for _, v := range allowed {
		if v.By == nil {
			continue
		}
		i, known := at[*v.By]
		if !known {
			i = len(out)
			at[*v.By] = i
			out = append(out, tallied[diff.Allowance]{Of: *v.By})
		}
		out[i].N++
	}
	return out
}
