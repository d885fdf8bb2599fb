package render

import (
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scion-gen/scion-gen/pkg/credential"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// checkCredentials reports literal credentials anywhere in a document: keys and
// texts that hold one, and what a name, key or flag says is one. Errors never
// show it.
func checkCredentials(n *manifest.Node, errs *manifest.Errors) {
	c := credentials{errs: errs}
	c.check(n, credential.Where{})
}

type credentials struct {
	errs *manifest.Errors
	path []crumb
}

// crumb is a key of a mapping, or the place of an item in a list.
type crumb struct {
	key  string
	item int
}

func (c *credentials) check(n *manifest.Node, where credential.Where) {
	switch n.Kind {
	case manifest.Null, manifest.Bool:
	case manifest.Sequence:
		for i, item := range n.Items {
			c.path = append(c.path, crumb{item: i})
			where.Before = ""
			if i > 0 {
				where.Before = n.Items[i-1].Text
			}
			c.check(item, where)
			c.path = c.path[:len(c.path)-1]
		}
	case manifest.Mapping:
		below := credential.Where{Above: where.Key, Beside: credential.Beside(textOf(n.Get("name")), textOf(n.Get("key"))), Refers: n.Get("remoteRef") != nil}
		for _, f := range n.Fields {
			if credential.In(f.Key) {
				c.errs.Add(f.Pos, "", "a key looks like a credential; remove it and %s", secretHint("NAME"))
				continue
			}
			c.path = append(c.path, crumb{key: f.Key})
			below.Key = f.Key
			c.check(f.Value, below)
			c.path = c.path[:len(c.path)-1]
		}
	default:
		c.scalar(n, where)
	}
}

func (c *credentials) scalar(n *manifest.Node, where credential.Where) {
	name, named := where.Credential(n.Text)
	switch {
	case named && len(validation.IsCIdentifier(name)) > 0:
		name = "NAME"
	case named && name != where.Key:
		c.errs.Add(n.Pos, c.at(), "%s looks like a credential; remove it and %s", name, secretHint(name))
		return
	case named:
	case n.Kind == manifest.String && credential.In(n.Text):
		name = "NAME"
	default:
		return
	}
	c.errs.Add(n.Pos, c.at(), "looks like a credential; remove it and %s", secretHint(name))
}

// at is the path of what is checked.
func (c *credentials) at() string {
	var path string
	for _, p := range c.path {
		if p.key == "" {
			path = manifest.Index(path, p.item)
		} else {
			path = manifest.Child(path, p.key)
		}
	}
	return path
}
