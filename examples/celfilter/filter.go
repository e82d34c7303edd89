// Package celfilter shows how an expression in CEL becomes a placement.Filter. It is a module of its own, so that nobody
// pays for CEL who does not use it.
package celfilter

import (
	"encoding/json"
	"fmt"

	"github.com/google/cel-go/cel"

	"github.com/confed-project/confed/placement"
)

// costLimit bounds the steps of one evaluation, so that no expression holds up a decision.
const costLimit = 10_000

// New compiles an expression over the variables cluster and subject, which have the fields of placement.Cluster and
// placement.Subject as JSON, such as cluster.region == "eu" && cluster.labels.env == "prod". It must be a bool.
//
// An expression that fails for a cluster, because a field is missing or the cost is too high, is an error about that
// cluster alone: its previous decision stands.
func New(name, expression string) (placement.Filter, error) {
	object := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewEnv(cel.Variable("cluster", object), cel.Variable("subject", object))
	if err != nil {
		return placement.Filter{}, fmt.Errorf("filter %q: %w", name, err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return placement.Filter{}, fmt.Errorf("filter %q: %w", name, issues.Err())
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return placement.Filter{}, fmt.Errorf("filter %q: is a %s, not a bool", name, ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit))
	if err != nil {
		return placement.Filter{}, fmt.Errorf("filter %q: %w", name, err)
	}
	return placement.Filter{Name: name, Allow: func(s placement.Subject, c placement.Cluster) (bool, error) {
		cluster, err := fields(c)
		if err != nil {
			return false, err
		}
		subject, err := fields(s)
		if err != nil {
			return false, err
		}
		value, _, err := program.Eval(map[string]any{"cluster": cluster, "subject": subject})
		if err != nil {
			return false, err
		}
		allowed, ok := value.Value().(bool)
		if !ok {
			return false, fmt.Errorf("%v is not a bool", value)
		}
		return allowed, nil
	}}, nil
}

func fields(v any) (out map[string]any, err error) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}
