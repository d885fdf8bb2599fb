package e2e

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// rule is a row of the table by which pkg/diff judges changes: an id, for a kind.
// An empty kind is any that has no rows of its own.
type rule struct{ kind, id string }

func (r rule) compare(other rule) int {
	return cmp.Or(strings.Compare(r.kind, other.kind), strings.Compare(r.id, other.id))
}

// table is the table, read from its source: nothing of scion-gen is imported.
type table struct {
	kinds map[string]bool // those with rows of their own
	rules map[rule]bool
	ids   map[string]bool // of outcomes that are in no row
}

const tableFile = "../pkg/diff/outcome.go"

func readTable(t *testing.T) table {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), tableFile, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]ast.Expr{"nil": &ast.CompositeLit{}}
	all := table{map[string]bool{}, map[rule]bool{}, map[string]bool{}}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					variables[name.Name] = n.Values[i]
				}
			}
		case *ast.KeyValueExpr:
			if id := literal(n.Value); isNamed(n.Key, "Rule") && id != "" {
				all.ids[id] = true
			}
		}
		return true
	})
	rows := func(list ast.Expr) []string {
		if name, ok := list.(*ast.Ident); ok {
			list = variables[name.Name]
		}
		return ids(t, list)
	}
	for _, entry := range elements(t, variables["updateRules"]) {
		kind := kindOf(t, entry.(*ast.KeyValueExpr).Key)
		all.kinds[kind] = true
		for _, list := range []ast.Expr{entry.(*ast.KeyValueExpr).Value, variables["anyKind"]} {
			for _, id := range rows(list) {
				all.rules[rule{kind, id}] = true
			}
		}
	}
	if len(all.kinds) < 20 || len(all.rules) < 100 || len(all.ids) < 4 {
		t.Fatalf("%s: %d kinds, %d rules and %d more ids: it is not read as it is written", tableFile, len(all.kinds), len(all.rules), len(all.ids))
	}
	return all
}

func elements(t *testing.T, e ast.Expr) []ast.Expr {
	t.Helper()
	list, ok := e.(*ast.CompositeLit)
	if !ok {
		t.Fatalf("%s: a table that is no literal: %T", tableFile, e)
	}
	return list.Elts
}

// kindOf is the kind in a key of group and kind.
func kindOf(t *testing.T, key ast.Expr) string {
	t.Helper()
	parts := elements(t, key)
	if len(parts) == 0 {
		return ""
	}
	return literal(parts[1])
}

// ids are those of rows.
func ids(t *testing.T, list ast.Expr) (all []string) {
	t.Helper()
	for _, row := range elements(t, list) {
		id := ""
		for _, f := range elements(t, row) {
			if f := f.(*ast.KeyValueExpr); isNamed(f.Key, "id") {
				id = literal(f.Value)
			}
		}
		if id == "" {
			t.Fatalf("%s: a row without an id", tableFile)
		}
		all = append(all, id)
	}
	return all
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// literal is the text of a string literal, empty for anything else.
func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	text, _ := strconv.Unquote(lit.Value)
	return text
}
