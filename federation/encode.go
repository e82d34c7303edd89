package federation

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/confed-project/confed/override"
	"github.com/confed-project/confed/placement"
	"github.com/confed-project/confed/scheduling"
)

// planJSON is the wire form of a Plan.
type planJSON struct {
	Planned   bool                 `json:"planned,omitempty"`
	Redacted  bool                 `json:"redacted,omitempty"`
	Steps     []stepJSON           `json:"steps"`
	Decisions []placement.Decision `json:"decisions,omitempty"`
	Shortfall int                  `json:"shortfall,omitempty"`
	Next      time.Time            `json:"next,omitzero"`
	Finished  time.Time            `json:"finished,omitzero"`
	Errors    []string             `json:"errors,omitempty"`
}

type stepJSON struct {
	Cluster      string                `json:"cluster"`
	APIVersion   string                `json:"apiVersion"`
	Kind         string                `json:"kind"`
	Namespace    string                `json:"namespace,omitempty"`
	Name         string                `json:"name"`
	Verb         Verb                  `json:"verb"`
	Reason       Reason                `json:"reason"`
	Message      string                `json:"message,omitempty"`
	Manifest     map[string]any        `json:"manifest,omitempty"`
	Patch        json.RawMessage       `json:"patch,omitempty"`
	Mend         json.RawMessage       `json:"mend,omitempty"`
	Manager      string                `json:"manager,omitempty"`
	Force        bool                  `json:"force,omitempty"`
	Precondition metav1.Preconditions  `json:"precondition,omitzero"`
	Delete       *metav1.DeleteOptions `json:"deleteOptions,omitempty"`
	Rank         int                   `json:"rank"`
	Holds        bool                  `json:"holds,omitempty"`
	Digest       string                `json:"digest,omitempty"`
	Ignored      string                `json:"ignored,omitempty"`
	Changes      []Change              `json:"changes,omitempty"`
	Trace        []override.Change     `json:"trace,omitempty"`
	Share        *scheduling.Share     `json:"share,omitempty"`
}

// MarshalJSON encodes the plan for people and logs: the values of Secrets and their digests are masked. A plan decoded
// from a form in which something was masked is refused by Dispatch.
func (p Plan) MarshalJSON() ([]byte, error) {
	masked := p
	masked.Steps = make([]Step, len(p.Steps))
	for i, s := range p.Steps {
		if s.secret() {
			s, masked.Redacted = s.mask(), true
		}
		masked.Steps[i] = s
	}
	return EncodePlan(masked)
}

// UnmarshalJSON reads what MarshalJSON or EncodePlan wrote. Errors come back as text.
func (p *Plan) UnmarshalJSON(data []byte) error {
	plan, err := DecodePlan(data)
	if err == nil {
		*p = plan
	}
	return err
}

// MarshalJSON encodes the step for people and logs, masked as in a plan.
func (s Step) MarshalJSON() ([]byte, error) {
	if s.secret() {
		s = s.mask()
	}
	return json.Marshal(s.encode())
}

// MarshalJSON encodes the result for people and logs: its step is masked as in a plan, and what the member holds is left out.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Step    Step    `json:"step"`
		Outcome Outcome `json:"outcome"`
		Reason  Reason  `json:"reason,omitempty"`
		Message string  `json:"message,omitempty"`
	}{r.Step, r.Outcome, r.Reason, r.Message})
}

// encode returns the wire form, with everything.
func (s Step) encode() stepJSON {
	version, kind := s.Ref.GVK.ToAPIVersionAndKind()
	out := stepJSON{
		Cluster: s.Ref.Cluster, APIVersion: version, Kind: kind, Namespace: s.Ref.Namespace, Name: s.Ref.Name,
		Verb: s.Verb, Reason: s.Reason, Message: s.Message, Patch: s.Patch, Mend: s.Mend, Manager: s.Manager, Force: s.Force,
		Precondition: s.Precondition, Delete: s.Delete, Rank: s.Rank, Holds: s.Holds, Digest: s.Digest, Changes: s.Changes,
		Trace: s.Trace, Share: s.Share, Ignored: s.ignored,
	}
	if s.Manifest != nil {
		out.Manifest = s.Manifest.Object
	}
	return out
}

// EncodePlan encodes everything, so that the plan can be carried out later or elsewhere. The output is secret wherever
// the plan is about Secrets.
func EncodePlan(p Plan) ([]byte, error) {
	out := planJSON{Planned: p.whole(), Redacted: p.Redacted, Decisions: p.Decisions, Shortfall: p.Shortfall, Next: p.Next, Finished: p.Finished, Steps: make([]stepJSON, len(p.Steps))}
	for _, err := range p.Errs {
		out.Errors = append(out.Errors, err.Error())
	}
	for i, s := range p.Steps {
		out.Steps[i] = s.encode()
	}
	return json.Marshal(out)
}

// DecodePlan reads what EncodePlan or MarshalJSON wrote. What was masked stays masked, and Redacted says so.
func DecodePlan(data []byte) (Plan, error) {
	var in planJSON
	if err := utiljson.Unmarshal(data, &in); err != nil {
		return Plan{}, &Error{Field: "plan", Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	p := Plan{planned: in.Planned, made: len(in.Steps), Redacted: in.Redacted, Decisions: in.Decisions, Shortfall: in.Shortfall, Next: in.Next, Finished: in.Finished}
	for _, text := range in.Errors {
		p.Errs = append(p.Errs, errors.New(text))
	}
	for i, s := range in.Steps {
		if s.Cluster == "" || s.Kind == "" || s.Name == "" || s.Verb == "" {
			return Plan{}, &Error{Field: fmt.Sprintf("plan.steps[%d]", i), Err: fmt.Errorf("%w: cluster, kind, name and verb are needed", ErrInvalid)}
		}
		step := Step{
			Ref:  Ref{Cluster: s.Cluster, GVK: schema.FromAPIVersionAndKind(s.APIVersion, s.Kind), Namespace: s.Namespace, Name: s.Name},
			Verb: s.Verb, Reason: s.Reason, Message: s.Message, Patch: s.Patch, Mend: s.Mend, Manager: s.Manager, Force: s.Force,
			Precondition: s.Precondition, Delete: s.Delete, Rank: s.Rank, Holds: s.Holds, Digest: s.Digest, Changes: s.Changes,
			Trace: s.Trace, Share: s.Share, ignored: s.Ignored,
		}
		if s.Manifest != nil {
			step.Manifest = &unstructured.Unstructured{Object: s.Manifest}
		}
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

const masked = "***"

func secretKind(gk schema.GroupKind) bool { return gk == schema.GroupKind{Kind: "Secret"} }

func (s Step) secret() bool { return secretKind(s.Ref.GVK.GroupKind()) }

// mask returns the step of a Secret without its values and without the digest, from which short values could be guessed.
func (s Step) mask() Step {
	if s.Manifest != nil {
		doc := s.Manifest.Object
		for field, v := range doc {
			switch field {
			case "apiVersion", "kind", "metadata", "type", "immutable":
			default: // data, and whatever else somebody took for it
				doc = with(doc, field, hide(v))
			}
		}
		// Not only kubectl keeps what it applied in an annotation.
		if annotations, ok := get(doc, []string{"metadata", "annotations"}); ok {
			doc = set(doc, []string{"metadata", "annotations"}, hide(annotations))
		}
		s.Manifest = &unstructured.Unstructured{Object: doc}
	}
	if s.Digest != "" {
		s.Digest = masked
	}
	trace := make([]override.Change, len(s.Trace))
	for i, c := range s.Trace {
		c.Old, c.New = masked, masked
		trace[i] = c
	}
	s.Trace = trace
	return s
}

// hide masks a value, of a map each value.
func hide(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return masked
	}
	hidden := make(map[string]any, len(m))
	for key := range m {
		hidden[key] = masked
	}
	return hidden
}
