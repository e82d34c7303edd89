package federation

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/confed-project/confed/internal/ownership"
)

// apply adds to a step under what conditions its manifest is applied, and what goes before.
func (p *stepper) apply(s *Step, live *unstructured.Unstructured, moved ownership.Entries) *Step {
	s.Holds = true
	s.Precondition.UID = ptr(live.GetUID())
	s.Force = !p.r.obj.HoldConflicts
	if moved != nil {
		s.Patch = managedFieldsPatch(moved, live, nil)
	} else if mended, ok := ownership.Of(live.Object).Versioned(p.r.gvk.GroupVersion().String()); ok {
		s.Mend = managedFieldsPatch(mended, live, nil)
	}
	return s
}

// move takes over entries of others, so that a field that leaves the wish goes: all that may be ours when the copy is
// adopted, those of former managers when our manager has not written to it yet, and what was cleared and applied again. Nil:
// nothing moves.
func (p *stepper) move(live *unstructured.Unstructured, entries ownership.Entries) ownership.Entries {
	var former []string
	switch {
	case label(live, p.Owner.Key) != p.Owner.Value:
		former = append(p.ours(), ownership.BeforeFirstApply)
	case !entries.Has(p.Manager):
		former = p.FormerManagers
	}
	entries, moved := entries.Move(p.Manager, former)
	entries, less := entries.Minus(ownership.BeforeFirstApply, p.Manager, p.r.gvk.GroupVersion().String())
	if moved || less {
		return entries
	}
	return nil
}
