package status

import (
	"strconv"
	"strings"
)

// verdict is what an assessment found; the zero verdict has found nothing yet.
type verdict struct {
	health          Health
	reason, message string
}

func current(message string) verdict { return verdict{HealthCurrent, "Current", message} }

func progress(reason, message string) verdict { return verdict{HealthInProgress, reason, message} }

func failed(reason, message string) verdict { return verdict{HealthFailed, reason, message} }

func (v verdict) found() bool { return v.reason != "" }

// Assess says how a live object fares by its own status, in kstatus terms, and why: a CamelCase reason, ": ", and words
// for people. The object is decoded JSON, is only read, and should carry its spec and status.
//
// In this order: an object being deleted is Terminating; one whose controller has not seen its latest generation is
// InProgress; then the caller's first rule for the kind decides; then the conditions Reconciling and Stalled; then the
// known rules of the kind; then the usual conditions (Ready, Available, …). What remains is Unknown, as is a status that
// contradicts its own types and an object that a rule cannot judge: never Current by default.
func Assess(live map[string]any, rules ...Rule) (Health, string) {
	v := assess(live, rules)
	if v.message == "" {
		return v.health, v.reason
	}
	return v.health, v.reason + ": " + v.message
}

func assess(live map[string]any, rules []Rule) verdict {
	o := open(live)
	if o.kind == "" && o.bad == "" {
		o.wrong("kind", "missing")
	}
	v := judge(&o, rules)
	if o.bad != "" {
		return verdict{HealthUnknown, "Malformed", o.bad}
	}
	return v
}

func judge(o *object, rules []Rule) verdict {
	if o.text(o.meta, "deletionTimestamp", "") != "" {
		return verdict{HealthTerminating, "Terminating", "being deleted"}
	}
	if v := generation(o); v.found() {
		return v
	}
	if r, ok := ruleFor(rules, o); ok {
		return r.apply(o)
	}
	if statusless(o.group, o.kind) {
		return current("exists")
	}
	if o.spec == nil && o.stat == nil {
		return verdict{HealthUnknown, "NoStatus", "neither spec nor status was read"}
	}
	v, flaw := convention(o)
	if v.found() {
		return v
	}
	if r, ok := ruleFor(rulesOf(o.group), o); ok {
		return r.apply(o)
	}
	if flaw != "" {
		o.bad = flaw
		return verdict{}
	}
	if v := builtin(o); v.found() {
		return v
	}
	return usual(o)
}

// convention reads the conditions that mean the same in every kind, and says what is wrong with the list; some kinds
// have lists of another shape, which their rules know.
func convention(o *object) (v verdict, flaw string) {
	if o.stat["conditions"] == nil {
		return verdict{}, ""
	}
	list, ok := o.stat["conditions"].([]any)
	if !ok {
		return verdict{}, "conditions is not a list"
	}
	o.conds = list
	for i := range list {
		c, bad := readCondition(list[i])
		switch {
		case bad != "":
			flaw = bad
		case c.kind == "Reconciling" && c.is("True"):
			return progress(reasonOr(c.reason, "Reconciling"), c.message), ""
		case c.kind == "Stalled" && c.is("True"):
			return failed(reasonOr(c.reason, "Stalled"), c.message), ""
		}
	}
	return verdict{}, flaw
}

// generation is lenient with objects that have no generation or no observed one.
func generation(o *object) verdict {
	wanted, seen := o.count(o.meta, "generation", 0), o.count(o.stat, "observedGeneration", 0)
	if _, ok := o.stat["observedGeneration"]; !ok || o.meta["generation"] == nil || wanted == seen {
		return verdict{}
	}
	reason := "LatestGenerationNotObserved"
	if seen > wanted {
		reason = "FutureGeneration"
	}
	return progress(reason, "generation "+strconv.FormatInt(wanted, 10)+", observed "+strconv.FormatInt(seen, 10))
}

// usual reads the conditions that many controllers agree on.
func usual(o *object) verdict {
	for _, kind := range []string{"Failed", "Ready", "Available", "Healthy", "Succeeded", "Complete", "Completed"} {
		c := o.condition(kind)
		once := kind == "Succeeded" || kind == "Complete" || kind == "Completed"
		switch {
		case c.kind == "", (once || kind == "Failed") && !c.is("True"): // tells nothing
		case c.stale(o):
			return progress("StaleCondition", kind+" was made for an earlier generation")
		case kind == "Failed":
			return failed(reasonOr(c.reason, kind), c.message)
		case c.is("True"):
			return verdict{HealthCurrent, reasonOr(c.reason, kind), c.message}
		case c.is("False"), c.is("Unknown"):
			return progress(reasonOr(c.reason, "Not"+kind), c.message)
		}
	}
	return verdict{HealthUnknown, "NoRule", "no rule for this kind and no condition that tells"}
}

// reasonOr keeps a reason only if it is one word, so that the text of Assess can be cut at the first ": ".
func reasonOr(reason, otherwise string) string {
	if reason == "" || strings.ContainsAny(reason, " \t\n") {
		return otherwise
	}
	return reason
}

// statusless tells the kinds that are all they can be once they exist.
func statusless(group, kind string) bool {
	switch group {
	case "":
		switch kind {
		case "ConfigMap", "Secret", "ServiceAccount", "LimitRange", "Endpoints", "PodTemplate", "Event":
			return true
		}
	case "rbac.authorization.k8s.io":
		return kind == "Role" || kind == "RoleBinding" || kind == "ClusterRole" || kind == "ClusterRoleBinding"
	case "apps":
		return kind == "ControllerRevision"
	case "batch":
		return kind == "CronJob"
	case "networking.k8s.io":
		return kind == "NetworkPolicy" || kind == "IngressClass"
	case "storage.k8s.io":
		return kind == "StorageClass" || kind == "CSIDriver" || kind == "CSINode" || kind == "CSIStorageCapacity" || kind == "VolumeAttributesClass"
	case "scheduling.k8s.io":
		return kind == "PriorityClass"
	case "node.k8s.io":
		return kind == "RuntimeClass"
	case "discovery.k8s.io":
		return kind == "EndpointSlice"
	case "coordination.k8s.io":
		return kind == "Lease"
	case "admissionregistration.k8s.io":
		return kind == "ValidatingWebhookConfiguration" || kind == "MutatingWebhookConfiguration" || kind == "ValidatingAdmissionPolicyBinding" ||
			kind == "MutatingAdmissionPolicy" || kind == "MutatingAdmissionPolicyBinding"
	}
	return false
}
