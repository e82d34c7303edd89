package model

import (
	"encoding/base64"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// doc is a decoded object.
type doc = map[string]any

// slot is one place in an object that holds a word; the empty word is none. All that runs write, they write into slots.
type slot struct {
	name     string
	theirs   bool // others write it, no wish has it
	required bool // every wish has it
	pointer  string
	fields   []string // as managed fields spell it; nil: nobody owns it
	item     []string // the list item that goes with it, in the same way; nil: none
	get      func(doc) string
	set      func(doc, string)
}

// kind is a kind of object and its slots.
type kind struct {
	apiVersion, kind string
	base             func() doc
	slots            []slot
	soft             []string // slots that may be retained or ignored
	over             string   // the slot that overrides set
}

func (k *kind) slot(name string) *slot {
	return &k.slots[slices.IndexFunc(k.slots, func(s slot) bool { return s.name == name })]
}

func kinds() []*kind {
	return []*kind{configMap(), service(), deployment(), secret()}
}

func configMap() *kind {
	k := &kind{apiVersion: "v1", kind: "ConfigMap", soft: []string{"b"}, over: "a",
		base: func() doc { return doc{"data": doc{"base": "x"}} }}
	for _, name := range []string{"a", "b", "c", "theirs"} {
		k.slots = append(k.slots, inMap(name, plain{}, "data", name))
	}
	k.slots = append(k.slots, labels()...)
	return k
}

func secret() *kind {
	k := configMap()
	k.kind, k.base = "Secret", func() doc { return doc{"type": "Opaque", "data": doc{"base": "eA=="}} }
	for i, name := range []string{"a", "b", "c", "theirs"} {
		k.slots[i] = inMap(name, encoded{}, "data", name)
	}
	return k
}

func labels() []slot {
	return []slot{
		inMap("label", plain{}, "metadata", "labels", "tier"),
		inMap("note", plain{}, "metadata", "annotations", "note"),
		theirs(inMap("team", plain{}, "metadata", "labels", "team")),
	}
}

func theirs(s slot) slot { s.theirs = true; return s }

func required(s slot) slot { s.required = true; return s }

func service() *kind {
	port := func(name string, number int64, protocol string) slot {
		key := `k:{"port":` + strconv.FormatInt(number, 10) + `,"protocol":"` + protocol + `"}`
		fresh := func() doc {
			d := doc{"name": name, "port": number}
			if protocol != "TCP" {
				d["protocol"] = protocol
			}
			return d
		}
		return inList(name, "targetPort", item{list: []string{"spec", "ports"}, name: name, fresh: fresh},
			[]string{"f:spec", "f:ports", key, "f:targetPort"})
	}
	k := &kind{apiVersion: "v1", kind: "Service", soft: []string{"affinity"}, over: "label",
		base: func() doc {
			return doc{"metadata": doc{"labels": doc{"app": "model"}}, "spec": doc{"selector": doc{"app": "model"}}}
		}}
	k.slots = append([]slot{
		required(port("http", 80, "TCP")), port("https", 443, "TCP"), port("dns", 53, "UDP"), theirs(port("theirs", 9999, "TCP")),
		inMap("affinity", affinity{}, "spec", "sessionAffinity"),
		order("http", "https", "spec", "ports"),
	}, labels()...)
	return k
}

func deployment() *kind {
	containers := []string{"spec", "template", "spec", "containers"}
	held := []string{"f:spec", "f:template", "f:spec", "f:containers"}
	container := func(slotName, name, field string) slot {
		fresh := func() doc { return doc{"name": name} }
		return inList(slotName, field, item{list: containers, name: name, fresh: fresh}, append(slices.Clone(held), `k:{"name":"`+name+`"}`, "f:"+field))
	}
	env := func(name string) slot {
		fresh := func() doc { return doc{"name": name} }
		inside := &item{list: containers, name: "web", fresh: func() doc { return doc{"name": "web"} }}
		return inList(name, "value", item{inside: inside, list: []string{"env"}, name: name, fresh: fresh},
			append(slices.Clone(held), `k:{"name":"web"}`, "f:env", `k:{"name":"`+name+`"}`, "f:value"))
	}
	k := &kind{apiVersion: "apps/v1", kind: "Deployment", soft: []string{"replicas", "image"}, over: "label",
		base: func() doc {
			pod := doc{"metadata": doc{"labels": doc{"app": "model"}}, "spec": doc{}}
			return doc{"metadata": doc{"labels": doc{"app": "model"}}, "spec": doc{"selector": doc{"matchLabels": doc{"app": "model"}}, "template": pod}}
		}}
	k.slots = append([]slot{
		required(container("image", "web", "image")), container("log", "log", "image"), theirs(container("sidecar", "sidecar", "image")),
		env("A"), env("B"), theirs(env("THEIRS")),
		required(inMap("replicas", number{}, "spec", "replicas")),
		inMap("node", plain{}, "spec", "template", "spec", "nodeSelector", "node"),
		order("web", "log", containers...),
	}, labels()...)
	k.slot("image").pointer = "/spec/template/spec/containers[name=web]/image"
	k.slot("node").fields = []string{"f:spec", "f:template", "f:spec", "f:nodeSelector"}
	return k
}

// codec is how a word is written.
type codec interface {
	read(any) string
	write(string) any
}

type plain struct{}

func (plain) read(v any) string     { s, _ := v.(string); return s }
func (plain) write(word string) any { return word }

type encoded struct{}

func (encoded) read(v any) string {
	s, _ := v.(string)
	b, _ := base64.StdEncoding.DecodeString(s)
	return string(b)
}
func (encoded) write(word string) any { return base64.StdEncoding.EncodeToString([]byte(word)) }

type number struct{}

func (number) read(v any) string {
	n, ok := v.(int64)
	if !ok {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
func (number) write(word string) any { n, _ := strconv.ParseInt(word, 10, 64); return n }

// affinity has one value that says something, and a default that says nothing.
type affinity struct{}

func (affinity) read(v any) string {
	if v == "ClientIP" {
		return "1"
	}
	return ""
}
func (affinity) write(string) any { return "ClientIP" }

// inMap is a slot at a path of map keys.
func inMap(name string, c codec, path ...string) slot {
	s := slot{name: name, theirs: name == "theirs"}
	for _, key := range path {
		s.pointer += "/" + key
		s.fields = append(s.fields, "f:"+key)
	}
	s.get = func(d doc) string {
		v, _, _ := unstructured.NestedFieldNoCopy(d, path...)
		return c.read(v)
	}
	s.set = func(d doc, word string) {
		if word == "" {
			unstructured.RemoveNestedField(d, path...)
			return
		}
		// Fails only where somebody has put a scalar in the way, which nobody does.
		_ = unstructured.SetNestedField(d, c.write(word), path...)
	}
	return s
}

// item is an item of a list of maps, by name.
type item struct {
	inside *item // the list is in this one
	list   []string
	name   string
	fresh  func() doc
}

func byName(list []any, name string) int {
	return slices.IndexFunc(list, func(v any) bool { m, _ := v.(doc); return m["name"] == name })
}

// find returns the item, the list that it is in, and what that list is in.
func (it *item) find(d doc, create bool) (in doc, list []any, at int) {
	in = d
	if it.inside != nil {
		_, outer, i := it.inside.find(d, create)
		if i < 0 {
			return nil, nil, -1
		}
		in, _ = outer[i].(doc)
	}
	v, _, _ := unstructured.NestedFieldNoCopy(in, it.list...)
	list, _ = v.([]any)
	at = byName(list, it.name)
	if at < 0 && create {
		list = append(slices.Clone(list), it.fresh())
		at = len(list) - 1
		put(in, list, it.list)
	}
	return in, list, at
}

// put sets a list without copying it.
func put(d doc, list []any, path []string) {
	for _, key := range path[:len(path)-1] {
		next, ok := d[key].(doc)
		if !ok {
			next = doc{}
			d[key] = next
		}
		d = next
	}
	if last := path[len(path)-1]; len(list) > 0 {
		d[last] = list
	} else {
		delete(d, last)
	}
}

// inList is a slot in an item of a list: the word is one of its fields, and without a word there is no item. The item web
// stays without a word, since what else is in it has slots of its own.
func inList(name, field string, it item, fields []string) slot {
	s := slot{name: name, fields: fields, item: append(slices.Clone(fields[:len(fields)-1]), ".")}
	s.get = func(d doc) string {
		_, list, at := it.find(d, false)
		if at < 0 {
			return ""
		}
		m, _ := list[at].(doc)
		if n, ok := m[field].(int64); ok {
			return strconv.FormatInt(n-8000, 10)
		}
		word, _ := m[field].(string)
		return word
	}
	s.set = func(d doc, word string) {
		in, list, at := it.find(d, word != "")
		switch {
		case word != "":
			m, _ := list[at].(doc)
			if m[field] = any(word); field == "targetPort" {
				n, _ := strconv.ParseInt(word, 10, 64)
				m[field] = 8000 + n
			}
		case at >= 0 && it.name == "web":
			m, _ := list[at].(doc)
			delete(m, field)
		case at >= 0:
			put(in, slices.Delete(slices.Clone(list), at, at+1), it.list)
		}
	}
	return s
}

// order is the order of two items of a list: 1 where the second comes first.
func order(first, second string, path ...string) slot {
	find := func(d doc) (list []any, a, b int) {
		v, _, _ := unstructured.NestedFieldNoCopy(d, path...)
		list, _ = v.([]any)
		return list, byName(list, first), byName(list, second)
	}
	return slot{name: "order",
		get: func(d doc) string {
			switch _, a, b := find(d); {
			case a < 0 || b < 0:
				return ""
			case a < b:
				return "0"
			}
			return "1"
		},
		set: func(d doc, word string) {
			list, a, b := find(d)
			if a >= 0 && b >= 0 && (a < b) != (word != "1") {
				list = slices.Clone(list)
				list[a], list[b] = list[b], list[a]
				put(d, list, path)
			}
		},
	}
}
