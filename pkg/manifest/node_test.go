package manifest

import "testing"

// node is a YAML text as a tree whose positions are in a file of that name.
func node(t testing.TB, file, text string) *Node {
	t.Helper()
	var errs Errors
	docs := Parse(file, []byte(text), &errs)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	if len(docs) == 0 {
		return nil
	}
	return docs[0].Root
}

// compact is n as JSON, fields in their order.
func compact(n *Node) string { return string(AppendJSON(nil, n)) }
