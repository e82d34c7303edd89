package dnsrecord

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// unite makes the import of exports that are right in themselves, the oldest first, and a condition Conflict for each.
func unite(exports []Export) (Import, []Condition) {
	if len(exports) == 0 {
		return Import{}, nil
	}
	oldest := exports[0]
	out := Import{
		Headless:               oldest.Headless,
		SessionAffinity:        oldest.SessionAffinity,
		SessionAffinitySeconds: oldest.SessionAffinitySeconds,
		InternalTrafficPolicy:  oldest.InternalTrafficPolicy,
		TrafficDistribution:    oldest.TrafficDistribution,
		IPFamilies:             commonFamilies(exports),
		Labels:                 maps.Clone(oldest.Labels),
		Annotations:            maps.Clone(oldest.Annotations),
		Exports:                slices.Clone(exports),
	}
	for _, e := range exports {
		out.Ports = unitePorts(out.Ports, e.Ports)
	}
	slices.SortFunc(out.Exports, func(a, b Export) int { return strings.Compare(a.Cluster, b.Cluster) })

	verdict := Condition{Type: ConditionConflict, Status: "False", Reason: ReasonNoConflicts, Message: "all exports agree"}
	var reasons, messages []string
	for _, p := range properties(out) {
		var differ []string
		for _, e := range out.Exports {
			if !p.same(oldest, e) {
				differ = append(differ, e.Cluster)
			}
		}
		if len(differ) > 0 {
			reasons = append(reasons, p.reason)
			messages = append(messages, fmt.Sprintf("%s of %s, the oldest, is not that of %s", p.what, oldest.Cluster, fewNames(differ)))
		}
	}
	if len(reasons) > 0 {
		verdict.Status, verdict.Reason, verdict.Message = "True", strings.Join(reasons, ","), strings.Join(messages, "; ")
	}
	conditions := make([]Condition, len(exports))
	for i, e := range exports {
		conditions[i] = verdict
		conditions[i].Cluster = e.Cluster
	}
	return out, conditions
}

// property is something on which all exports should agree.
type property struct {
	reason, what string
	same         func(oldest, e Export) bool
}

func properties(united Import) []property {
	return []property{
		{ReasonPortConflict, "the set of ports", func(o, e Export) bool { return samePorts(o.Ports, e.Ports) }},
		{ReasonTypeConflict, "the type", func(o, e Export) bool { return o.Headless == e.Headless }},
		{ReasonSessionAffinityConflict, "the session affinity", func(o, e Export) bool { return o.SessionAffinity == e.SessionAffinity }},
		{ReasonSessionAffinityConfigConflict, "the session affinity time-out", func(o, e Export) bool {
			return o.SessionAffinity != e.SessionAffinity || o.SessionAffinitySeconds == e.SessionAffinitySeconds
		}},
		{ReasonInternalTrafficPolicyConflict, "the internal traffic policy", func(o, e Export) bool {
			return o.InternalTrafficPolicy == e.InternalTrafficPolicy
		}},
		{ReasonTrafficDistributionConflict, "the traffic distribution", func(o, e Export) bool {
			return o.TrafficDistribution == e.TrafficDistribution
		}},
		{ReasonIPFamilyConflict, "the IP family", func(_, e Export) bool {
			return len(e.IPFamilies) == 0 || !slices.ContainsFunc(united.IPFamilies, func(family string) bool {
				return !slices.Contains(e.IPFamilies, family)
			})
		}},
		{ReasonLabelsConflict, "the set of labels", func(o, e Export) bool { return maps.Equal(o.Labels, e.Labels) }},
		{ReasonAnnotationsConflict, "the set of annotations", func(o, e Export) bool { return maps.Equal(o.Annotations, e.Annotations) }},
	}
}

// commonFamilies returns the IP families that all exports have, of those that know theirs; when there is none, those of the oldest.
func commonFamilies(exports []Export) []string {
	var first, common []string
	for _, e := range exports {
		switch {
		case len(e.IPFamilies) == 0:
		case first == nil:
			first, common = e.IPFamilies, slices.Clone(e.IPFamilies)
		default:
			common = slices.DeleteFunc(common, func(family string) bool { return !slices.Contains(e.IPFamilies, family) })
		}
	}
	if len(common) == 0 {
		return slices.Clone(first)
	}
	return common
}
