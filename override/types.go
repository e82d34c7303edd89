package override

// Patch is one RFC 6902 operation on decoded JSON. An empty Op means replace.
type Patch struct {
	Op    string `json:"op,omitempty"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
	From  string `json:"from,omitempty"`
}

// Layer is a named, ordered set of edits. Layers with a higher Priority are applied later.
type Layer struct {
	Name     string
	Priority int
	Edits    []Edit
}

// An Edit compiles to patches for one document. Patch and Merge are edits themselves.
type Edit interface {
	Patches(doc map[string]any) ([]Patch, error)
}

// Vars looks up a variable by name.
type Vars func(name string) (any, bool)

// Change is one line of a trace: a layer set a path from one value to another.
type Change struct {
	Layer    string `json:"layer"`
	Path     string `json:"path"`
	Old, New any
}
