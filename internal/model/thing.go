package model

import (
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/confed-project/confed/federation"
	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// thing is one object that is propagated: the wish, and what the program has written down.
type thing struct {
	*kind
	world *world
	name  string
	wish  wish

	memory   memory
	deleting bool            // nothing is wished any more, and the program waits until nothing is left
	over     bool            // nothing was left
	decided  map[string]bool // what the last valid policy said, by cluster, where it was written down
}

// memory is what a program writes down before it dispatches.
type memory struct {
	holders  []string
	previous []placement.Decision
	shares   []scheduling.Share
}

// where is a way to place.
type where int

const (
	nowhere where = iota
	everywhere
	some
	broken // a policy that does not compile
)

type wish struct {
	words     map[string]string
	where     where
	some      uint // members, for some
	divided   bool
	total     int64
	weights   uint // two bits a member, with uneven
	uneven    bool
	rebalance bool
	packed    bool
	overrides uint // members that get another word in one slot
	bad       uint // members whose override cannot be applied
	soft      string
	retain    bool // the soft slot is retained, else ignored
	adopt     federation.Adopt
	orphan    bool
	give      bool // conflicts are held
	suspended uint
	protected bool
}

func (x *thing) gvk() schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(x.apiVersion, x.kind.kind)
}

func (x *thing) key() types.NamespacedName {
	return types.NamespacedName{Namespace: x.world.namespace, Name: x.name}
}

func (x *thing) String() string { return x.kind.kind + " " + x.name }

// render is the object with these words.
func (x *thing) render(words map[string]string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: x.base()}
	u.SetAPIVersion(x.apiVersion)
	u.SetKind(x.kind.kind)
	u.SetNamespace(x.world.namespace)
	u.SetName(x.name)
	for _, s := range x.slots {
		if word := words[s.name]; word != "" {
			s.set(u.Object, word)
		}
	}
	return u
}

// object is the wish as the library takes it.
func (x *thing) object() federation.Object {
	w := x.wish
	obj := federation.Object{Template: x.template(), Placement: x.placement(), Adopt: w.adopt, Orphan: w.orphan, HoldConflicts: w.give, Protect: w.protected,
		Suspend: placement.Policy{Clusters: x.world.names(w.suspended)}}
	if w.divided {
		obj.Replicas = &federation.Replicas{Total: &w.total, Rebalance: w.rebalance}
		if w.packed {
			obj.Replicas.Strategy = "Packed"
		}
		for i, m := range x.world.members {
			if w.uneven {
				obj.Replicas.Preferences = append(obj.Replicas.Preferences, federation.Preference{
					Clusters: placement.Policy{Clusters: []string{m.Name}}, Weight: int64(w.weights >> (2 * i) & 3)})
			}
		}
	}
	if w.overrides > 0 {
		obj.Overrides = append(obj.Overrides, layer("over", x.world.names(w.overrides),
			override.Patch{Op: "add", Path: x.slot(x.kind.over).pointer, Value: x.overWord()}))
	}
	if w.bad > 0 {
		obj.Overrides = append(obj.Overrides, layer("bad", x.world.names(w.bad), override.Patch{Op: "remove", Path: "/data/nowhere"}))
	}
	if w.soft != "" {
		list := &obj.Ignore
		if w.retain {
			list = &obj.Retain
		}
		*list = []string{x.slot(w.soft).pointer}
	}
	return obj
}

const overWord = "7"

func (k *kind) overWord() any {
	if k.kind == "Secret" {
		return encoded{}.write(overWord)
	}
	return overWord
}

func layer(name string, clusters []string, edit override.Patch) federation.Override {
	return federation.Override{Clusters: placement.Policy{Clusters: clusters}, Layer: override.Layer{Name: name, Edits: []override.Edit{edit}}}
}

// template is the wish without what differs. One value of a Secret comes as text.
func (x *thing) template() *unstructured.Unstructured {
	u := x.render(x.wish.words)
	if word := x.wish.words["c"]; word != "" && x.kind.kind == "Secret" {
		unstructured.RemoveNestedField(u.Object, "data", "c")
		u.Object["stringData"] = doc{"c": word}
	}
	return u
}

func (x *thing) placement() placement.Policy {
	switch x.wish.where {
	case everywhere:
		return placement.Policy{Selector: &placement.Selector{}}
	case some:
		return placement.Policy{Clusters: x.world.names(x.wish.some)}
	case broken:
		return placement.Policy{Selector: &placement.Selector{MatchExpressions: []placement.Expression{{Key: "x", Operator: "Nonsense"}}}}
	}
	return placement.Policy{}
}

// selected says whether a member should have a copy; what cannot be told stands as it was.
func (x *thing) selected(m *member) bool {
	switch x.wish.where {
	case everywhere:
		return true
	case some:
		return has(x.wish.some, m.index)
	case broken:
		return x.decided[m.Name]
	}
	return false
}

// expected are the words that a member should have, and whether the wish can be rendered for it.
func (x *thing) expected(m *member) (map[string]string, bool) {
	words := map[string]string{}
	u := x.render(x.wish.words)
	if has(x.wish.overrides, m.index) {
		x.slot(x.kind.over).set(u.Object, overWord)
	}
	for _, s := range x.slots {
		if word := s.get(u.Object); word != "" {
			words[s.name] = word
		}
	}
	if x.wish.divided {
		words["replicas"] = anything
	}
	return words, !has(x.wish.bad, m.index)
}

// anything is the word of a number that only the division knows.
const anything = "*"

// soft reports whether a slot is left to members or others.
func (x *thing) isSoft(s *slot) bool { return x.wish.soft == s.name && s.name != "" }

// birth makes the object anew, as a program does that has never seen it.
func (x *thing) birth() {
	x.memory, x.decided = memory{holders: []string{}}, map[string]bool{}
	x.deleting, x.over = false, false
	x.wish = wish{words: map[string]string{}, where: where(1 + x.world.pick(2)), some: x.world.mask(len(x.world.members))}
	for _, s := range x.slots {
		if s.required || !s.theirs && x.world.pick(2) == 1 {
			x.wish.words[s.name] = x.word(&s)
		}
	}
	if all := len(x.world.members); x.world.pick(2) == 1 {
		x.wish.adopt = x.world.adopt()
		some, few := x.world.mask(all), x.world.mask(all)
		x.wish.overrides, x.wish.orphan = some&few, x.world.pick(4) == 0
		x.soften()
	}
	x.divide()
	x.world.tell("%s is born, placed %s: %s", x, x.placed(), x.wish)
	for _, m := range x.world.members {
		m.copies[x].never = true
	}
}

// word chooses a word that fits a slot.
func (x *thing) word(s *slot) string {
	switch s.name {
	case "affinity":
		return "1"
	case "order":
		return strconv.Itoa(x.world.pick(2))
	}
	return strconv.Itoa(x.world.pick(3))
}

// String is all of a wish but for its words.
func (w wish) String() string {
	w.words = nil
	type plain wish
	return fmt.Sprintf("%+v", plain(w))
}

func (x *thing) placed() string {
	switch x.wish.where {
	case everywhere:
		return "everywhere"
	case some:
		return fmt.Sprint(x.world.names(x.wish.some))
	case broken:
		return "by a policy that does not compile"
	}
	return "nowhere"
}

// selectable are the slots that the program may change.
func (x *thing) ours() []*slot {
	var list []*slot
	for i := range x.slots {
		if !x.slots[i].theirs {
			list = append(list, &x.slots[i])
		}
	}
	return list
}

func (m memory) holds(name string) bool { return m.holders == nil || slices.Contains(m.holders, name) }
