package placement

// Property is a condition on one fact about a cluster.
//
// Facts are name, provider, region and zone, then every property, then every label; region and zone are also found
// under topology.kubernetes.io/region and region.topology.k8s.io, and as properties or labels of these names. Of the
// zones, which are many, In and the orders need one that fits, and NotIn that none does.
//
// An unknown fact is neither a match nor a mismatch, except to Exists and DoesNotExist: a cluster that does not report
// it keeps its previous decision. So does one with a value that cannot be read, and that is an error.
type Property struct {
	Name     string   `json:"name"`
	Operator string   `json:"operator"` // In, NotIn, Exists, DoesNotExist, Gt, Ge, Lt, Le
	Values   []string `json:"values,omitempty"`
	// Type says how values compare: String; Number; Quantity as in Kubernetes, such as 1500m or 64Gi; Version, a semantic
	// version of which the patch may be missing. Empty: Quantity for the orders, else String.
	//
	// Numbers fit in 64 bits, have at most 64 characters, and are rounded to nine decimals, away from zero. A version with a suffix
	// comes before the one without: 1.29.3-gke.100 is not Ge 1.29.3, but Ge 1.29.3-0.
	Type string `json:"type,omitempty"`
}

// condition is a compiled Property.
type condition struct {
	Property
	want   []scalar
	broken bool

	mismatch, unclear *cause
}

func compileProperties(list []Property) ([]condition, []*FieldError) {
	var out []condition
	var errs []*FieldError
	for i, p := range list {
		c, bad := compileProperty(p)
		out = append(out, c)
		errs = append(errs, under(index("properties", i)+".", bad)...)
	}
	return out, errs
}

func compileProperty(p Property) (condition, []*FieldError) {
	c := condition{Property: p}
	c.mismatch = &cause{PropertyMismatch, p.Name, "the property " + p.Name + " does not match"}
	c.unclear = &cause{Undecided, p.Name, "the property " + p.Name + " is not known"}
	errs := checkValues(p.Operator, p.Values)
	if p.Name == "" {
		errs = append(errs, invalid("name", "is empty"))
	}
	switch p.Operator {
	case opIn, opNotIn, opExists, opDoesNotExist:
	case opGt, opGe, opLt, opLe:
		if c.Type == "" {
			c.Type = typeQuantity
		}
	default:
		errs = append(errs, invalid("operator", "%q is none of In, NotIn, Exists, DoesNotExist, Gt, Ge, Lt, Le", p.Operator))
	}
	switch c.Type {
	case "":
		c.Type = typeString
	case typeString, typeNumber, typeQuantity, typeVersion:
	default:
		errs = append(errs, invalid("type", "%q is none of String, Number, Quantity, Version", p.Type))
	}
	for i, value := range p.Values {
		want, err := parse(value, c.Type)
		if err != nil {
			errs = append(errs, invalid(index("values", i), "%w", err))
		}
		c.want = append(c.want, want)
	}
	c.broken = len(errs) > 0
	return c, errs
}

// holds answers for one cluster. The error says which of its values cannot be read.
func (p *condition) holds(c *Cluster) (truth, error) {
	one, many, ok := c.fact(p.Name)
	switch {
	case p.broken:
		return unknown, nil
	case p.Operator == opExists:
		return truthOf(ok), nil
	case p.Operator == opDoesNotExist:
		return truthOf(!ok), nil
	case !ok:
		return unknown, nil
	case many == nil:
		return p.holdsFor(one)
	}
	answer := truthOf(p.Operator == opNotIn)
	for _, value := range many {
		one, err := p.holdsFor(value)
		if err != nil {
			return unknown, err
		}
		if p.Operator == opNotIn {
			answer = min(answer, one)
		} else {
			answer = max(answer, one)
		}
	}
	return answer, nil
}

func (p *condition) holdsFor(value string) (truth, error) {
	have, err := parse(value, p.Type)
	if err != nil {
		return unknown, err
	}
	for i := range p.want {
		order := have.compare(&p.want[i], p.Type)
		switch p.Operator {
		case opIn, opNotIn:
			if order == 0 {
				return truthOf(p.Operator == opIn), nil
			}
		case opGt:
			return truthOf(order > 0), nil
		case opGe:
			return truthOf(order >= 0), nil
		case opLt:
			return truthOf(order < 0), nil
		case opLe:
			return truthOf(order <= 0), nil
		}
	}
	return truthOf(p.Operator == opNotIn), nil
}

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}
