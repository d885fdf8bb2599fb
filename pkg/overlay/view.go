package overlay

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// view is a file system in which some files have other contents.
type view struct {
	filesys.FileSystem
	files map[string][]byte // by cleaned absolute path
}

func (v *view) ReadFile(name string) ([]byte, error) {
	if data, changed := v.files[name]; changed {
		return data, nil
	}
	if dir, file, err := v.CleanedAbs(name); err == nil && file != "" {
		if data, changed := v.files[dir.Join(file)]; changed {
			return data, nil
		}
	}
	return v.FileSystem.ReadFile(name)
}

// cutter makes views of a kustomization with some of its objects.
type cutter struct {
	*source
	plan  *plan
	lock  sync.Mutex
	rests map[restOf][]byte
}

// restOf is a kustomization without some of its patches.
type restOf struct {
	file    string
	dropped string
}

// view shows the kustomization with the units of a part alone, and without the
// patches that name others or are applied already. What has nothing left in it is not referred to, for
// kustomize refuses what is empty.
func (c *cutter) view(p *part) (*view, error) {
	v := &view{c.fsys, map[string][]byte{}}
	texts := map[string][]*unit{}
	p.early = len(c.plan.early) > 0
	for _, u := range p.units {
		texts[u.file] = append(texts[u.file], u)
		p.early = p.early && u.patched() != nil
	}
	for file, units := range texts {
		slices.SortFunc(units, func(a, b *unit) int { return a.index - b.index })
		var text []byte
		for i, u := range units {
			if i > 0 {
				text = append(text, "---\n"...)
			}
			if p.early {
				text = append(text, u.patched()...)
			} else {
				text = append(text, u.text...)
			}
			if !bytes.HasSuffix(text, []byte("\n")) {
				text = append(text, '\n')
			}
		}
		v.files[file] = text
	}
	_, err := c.cut(c.root, v, p)
	return v, err
}

// cut writes the kustomization file of k into v, and reports whether there is
// anything left in it.
func (c *cutter) cut(k *kustomization, v *view, p *part) (bool, error) {
	var resources, components []string
	for _, r := range k.resources {
		left := v.files[r.file] != nil
		if r.base != nil {
			var err error
			if left, err = c.cut(r.base, v, p); err != nil {
				return false, err
			}
		}
		if left {
			resources = append(resources, r.entry)
		}
	}
	for i, sub := range k.components {
		left, err := c.cut(sub, v, p)
		if err != nil {
			return false, err
		}
		if left {
			components = append(components, k.Components[i])
		}
	}
	rest, err := c.rest(k, p)
	if err != nil {
		return false, err
	}
	text := slices.Concat(rest, list("resources", resources), list("components", components))
	v.files[k.file] = text
	if k.Kind != componentKind && len(resources) == 0 && len(components) == 0 {
		return len(k.Configurations) > 0, nil // which hold for those above, too
	}
	return len(resources)+len(components) > 0 || !bytes.Equal(rest, bareComponent), nil
}

const componentKind = "Component"

// bareComponent is a component that has nothing but resources.
var bareComponent = []byte("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")

// rest is a kustomization without resources and components, and without the
// patches for objects that are not in the part.
func (c *cutter) rest(k *kustomization, p *part) ([]byte, error) {
	key := restOf{file: k.file}
	patches := slices.Clone(k.Patches)[:0]
	for i, entry := range k.Patches {
		at := entryOf{k.file, i}
		early := p.early && c.plan.early[at]
		if units := c.plan.bound[at]; !early && (units == nil || p.has[units[0]]) {
			patches = append(patches, entry)
			key.dropped += "+"
		} else {
			key.dropped += "-"
		}
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if text, known := c.rests[key]; known {
		return text, nil
	}
	rest := k.Kustomization
	rest.Resources, rest.Components, rest.Patches = nil, nil, patches
	text, err := yaml.Marshal(rest)
	if err != nil {
		return nil, err
	}
	c.rests[key] = text
	return text, nil
}

// list is a field with a list of strings, as JSON has them.
func list(field string, entries []string) []byte {
	if len(entries) == 0 {
		return nil
	}
	text, _ := json.Marshal(entries) // strings always marshal
	return slices.Concat([]byte(field+": "), text, []byte("\n"))
}
