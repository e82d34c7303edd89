package placement

import "time"

// The effects of a taint.
const (
	noSchedule       = "NoSchedule"
	preferNoSchedule = "PreferNoSchedule"
	noExecute        = "NoExecute"
)

// tolerations are the compiled Policy.Tolerations.
type tolerations struct {
	list   []Toleration
	broken bool // one of them is invalid and might have tolerated anything
}

func compileTolerations(list []Toleration) (tolerations, []*FieldError) {
	out := tolerations{list: make([]Toleration, 0, len(list))}
	var errs []*FieldError
	for i, t := range list {
		bad := t.check()
		if bad == nil {
			out.list = append(out.list, t)
		}
		errs = append(errs, under(index("tolerations", i)+".", bad)...)
	}
	out.broken = len(errs) > 0
	return out, errs
}

func (t Toleration) check() (errs []*FieldError) {
	switch t.Operator {
	case "", "Equal":
		if t.Key == "" {
			errs = append(errs, invalid("operator", "must be Exists when the key is empty"))
		}
	case opExists:
		if t.Value != "" {
			errs = append(errs, invalid("value", "must be empty when the operator is Exists"))
		}
	default:
		errs = append(errs, invalid("operator", "%q is none of Equal, Exists", t.Operator))
	}
	switch t.Effect {
	case "", noExecute, noSchedule, preferNoSchedule:
	default:
		errs = append(errs, invalid("effect", "%q is none of NoSchedule, PreferNoSchedule, NoExecute", t.Effect))
	}
	if t.TolerationSeconds != nil && t.Effect != noExecute {
		errs = append(errs, invalid("tolerationSeconds", "needs the effect NoExecute"))
	}
	return errs
}

func (t Toleration) covers(taint Taint) bool {
	return (t.Effect == "" || t.Effect == taint.Effect) && (t.Key == "" || t.Key == taint.Key) &&
		(t.Operator == opExists || t.Value == taint.Value)
}

// of tells whether a taint is tolerated, and for how many seconds since its beginning; nil: for ever.
func (ts tolerations) of(taint Taint) (ok bool, seconds *int64) {
	for _, t := range ts.list {
		switch {
		case !t.covers(taint):
		case t.TolerationSeconds == nil:
			return true, nil
		case !ok || *t.TolerationSeconds > *seconds:
			ok, seconds = true, t.TolerationSeconds
		}
	}
	return ok, seconds
}

// judgeTaints finds the strongest objection that the taints of c raise.
func (e *eval) judgeTaints(c *Cluster) finding {
	var worst finding
	for i, taint := range c.Taints {
		ok, seconds := e.tolerations.of(taint)
		var f finding
		switch {
		case ok && seconds == nil, taint.Effect == preferNoSchedule:
			continue
		case ok:
			f = e.judgeTimed(taint, *seconds)
		case e.tolerations.broken:
			f = find(undecided, Undecided, taint.Key, "a toleration is invalid")
		case taint.Effect == noSchedule:
			f = find(closed, Tainted, taint.Key, "the taint "+taint.Key+" is not tolerated")
		case taint.Effect == noExecute:
			f = find(refused, Tainted, taint.Key, "the taint "+taint.Key+" is not tolerated")
		default:
			e.fail(c, index("taints", i)+".effect", "%q is none of NoSchedule, PreferNoSchedule, NoExecute", taint.Effect)
			f = find(undecided, Undecided, taint.Key, "the taint "+taint.Key+" has an unknown effect")
		}
		worst = worst.and(f)
	}
	return worst
}

// judgeTimed judges a taint that is tolerated for a while.
func (e *eval) judgeTimed(taint Taint, seconds int64) finding {
	f := find(closed, Tainted, taint.Key, "the taint "+taint.Key+" is tolerated for a while only")
	if e.req.Now.IsZero() || taint.Since.IsZero() {
		return f
	}
	end := addSeconds(taint.Since, seconds)
	if end.After(e.req.Now) {
		f.until = end
		return f
	}
	return find(refused, Tainted, taint.Key, "the taint "+taint.Key+" is not tolerated any more")
}

// addSeconds is t plus a number of seconds that may be too large for a Duration; a negative one counts as zero.
func addSeconds(t time.Time, seconds int64) time.Time {
	const most = int64(1<<63-1) / int64(time.Second)
	return t.Add(time.Duration(min(max(seconds, 0), most)) * time.Second)
}
