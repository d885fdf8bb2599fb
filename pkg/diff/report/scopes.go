package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/diff"
)

// maxScopes is how many trees are named.
const maxScopes = 4

// inScopes says in which trees of the sides rows hold: "in deploy/prod and
// manifests", or "2 in deploy/prod, 4 in manifests" where not all objects are in
// each. It is empty where the sides have no trees to tell apart.
func inScopes(r *diff.Report, rows []diff.Row) string {
	if len(rows) == 0 || r.Objects[rows[0].Objects[0]].Scopes == nil {
		return ""
	}
	objects := map[int]bool{}
	in := map[string]map[int]bool{}
	for _, row := range rows {
		for i, o := range row.Objects {
			objects[o] = true
			for _, scope := range r.Objects[o].Edits[row.Edits[i]].Scopes {
				if in[scope] == nil {
					in[scope] = map[int]bool{}
				}
				in[scope][o] = true
			}
		}
	}
	var names, counted []string
	everywhere := true
	for _, scope := range slices.Sorted(maps.Keys(in)) {
		names = append(names, oneLine(scope))
		counted = append(counted, fmt.Sprintf("%d in %s", len(in[scope]), oneLine(scope)))
		everywhere = everywhere && len(in[scope]) == len(objects)
	}
	if everywhere {
		return "in " + list(names, " and ")
	}
	return list(counted, ", ")
}

// list is the first few words, and how many are left.
func list(words []string, last string) string {
	if more := len(words) - maxScopes; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:maxScopes], ", "), more)
	}
	end := len(words) - 1
	if end == 0 {
		return words[0]
	}
	return strings.Join(words[:end], ", ") + last + words[end]
}

// groupScopes is inScopes of all changes of a group.
func groupScopes(r *diff.Report, g diff.Group) string {
	var rows []diff.Row
	for _, c := range g.Changes {
		rows = append(rows, c.Rows...)
	}
	return inScopes(r, rows)
}

// otherScopes is inScopes of a part of a group where that is not in, the
// group's.
func otherScopes(r *diff.Report, in string, rows ...diff.Row) string {
	if in == "" {
		return ""
	}
	if here := inScopes(r, rows); here != in {
		return here
	}
	return ""
}

// distinct are the objects of a row: one that is another in each tree is there
// once for each.
func distinct(objects []int) []int { return slices.Compact(slices.Clone(objects)) }

// exampleOf is the object, and perhaps the tree of it, whose value stands for all
// of a row of whole objects; empty where there is but one.
func exampleOf(r *diff.Report, row diff.Row) string {
	o := r.Objects[row.Objects[0]]
	text := name(o.Ref)
	scopes := o.Edits[row.Edits[0]].Scopes
	if len(scopes) < len(o.Scopes) {
		return text + " " + oneLine("in "+list(scopes, " and "))
	}
	if len(distinct(row.Objects)) > 1 {
		return text
	}
	return ""
}
