package clusterregistry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/confed-project/confed/placement"
)

// Outcome is what one probe of a cluster came to. The set is closed; the zero value means that nobody looked.
type Outcome string

// The outcomes. The first three are answers of the cluster.
const (
	Healthy     Outcome = "ClusterReady"
	Unhealthy   Outcome = "ClusterNotReady"
	Rejected    Outcome = "CredentialsRejected"    // it does not accept who we are
	Unreachable Outcome = "ClusterNotReachable"    // no answer
	Malformed   Outcome = "ClusterConfigMalformed" // there is nothing to dial with
	Suspect     Outcome = "HubSuspected"           // no answer, but too many went silent at once; only Judge says so
)

// Probe is one look at a cluster. At is read from the clock of the prober.
type Probe struct {
	At      time.Time
	Outcome Outcome
	Message string // for people
	Facts   Facts
}

// Facts are what a probe learned about a cluster besides its health. Zero fields are unknown.
type Facts struct {
	Version        string         `json:"version,omitempty"` // of Kubernetes, as the cluster spells it
	Region         string         `json:"region,omitempty"`
	Zones          []string       `json:"zones,omitempty"`
	Skew           *time.Duration `json:"skew,omitempty"`          // how far the cluster's clock is ahead of ours, to the second
	ServerExpiry   time.Time      `json:"serverExpiry,omitzero"`   // of the certificate that the cluster showed
	CredentialsEnd time.Time      `json:"credentialsEnd,omitzero"` // of our certificate or token
}

// Thresholds say how much evidence changes a verdict. The zero value is what KubeFed documents.
type Thresholds struct {
	Failure int           // failed probes in a row until a ready cluster is not ready; 0 or less: 3
	Success int           // good probes in a row until it is ready again; 0 or less: 1
	Period  time.Duration // from one probe to the next; 0 or less: 10 s
	Stale   time.Duration // without a probe for so long nothing is known; 0 or less: ten periods
	MaxLost float64       // share of the clusters that may go silent at once before Judge doubts itself; 0 or less: 0.5; 1: never
}

func (t Thresholds) failure() int          { return positive(t.Failure, 3) }
func (t Thresholds) success() int          { return positive(t.Success, 1) }
func (t Thresholds) period() time.Duration { return positive(t.Period, 10*time.Second) }
func (t Thresholds) stale() time.Duration  { return positive(t.Stale, 10*t.period()) }
func (t Thresholds) maxLost() float64      { return positive(t.MaxLost, 0.5) }

func positive[N int | time.Duration | float64](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}

// Health is the verdict on one cluster and the evidence that speaks against it. It is plain data: a program that keeps
// it goes on after a restart where it stopped. The zero value means that the cluster was never probed.
type Health struct {
	Outcome      Outcome   `json:"outcome,omitempty"` // the one that stands
	OutcomeSince time.Time `json:"outcomeSince,omitzero"`
	ReadySince   time.Time `json:"readySince,omitzero"` // since when the readiness that follows from Outcome stands
	Message      string    `json:"message,omitempty"`
	Latest       Outcome   `json:"latest,omitempty"` // of the last probe, whether it changed anything or not
	ProbedAt     time.Time `json:"probedAt,omitzero"`
	Against      int       `json:"against,omitempty"` // how many probes in a row contradicted the readiness
	Facts        Facts     `json:"facts,omitzero"`
}

// After returns the verdict after one more probe.
//
// The first probe is taken as it is, and so is one that finds the configuration malformed. Otherwise the readiness
// changes when as many probes in a row as the threshold demands contradict it. Probes that agree with the verdict
// count for nothing: a long healthy run does not make one failure decisive. The reason follows every probe that
// agrees about readiness. Facts that a probe did not learn stay.
func (h Health) After(p Probe, t Thresholds) Health {
	next := h
	next.Latest, next.ProbedAt, next.Facts = p.Outcome, p.At, h.Facts.with(p.Facts)
	was, is := h.Outcome.state(), p.Outcome.state()
	switch {
	case p.Outcome == "":
		return h
	case was == is:
		next.Against = 0
	case was != placement.ReadyUnknown && p.Outcome != Malformed && h.Against+1 < t.limit(was):
		next.Against++
		return next
	default:
		next.Against, next.ReadySince = 0, p.At
	}
	if next.Outcome != p.Outcome {
		next.OutcomeSince = p.At
	}
	next.Outcome, next.Message = p.Outcome, p.Message
	return next
}

// limit is how many probes in a row it takes to leave a state.
func (t Thresholds) limit(was placement.ReadyState) int {
	if was == placement.Ready {
		return t.failure()
	}
	return t.success()
}

func (o Outcome) state() placement.ReadyState {
	switch o {
	case "", Suspect:
		return placement.ReadyUnknown
	case Healthy:
		return placement.Ready
	}
	return placement.NotReady
}

func (f Facts) with(g Facts) Facts {
	return Facts{
		Version:        cmp.Or(g.Version, f.Version),
		Region:         cmp.Or(g.Region, f.Region),
		Zones:          either(g.Zones, f.Zones),
		Skew:           cmp.Or(g.Skew, f.Skew),
		ServerExpiry:   cmp.Or(g.ServerExpiry, f.ServerExpiry),
		CredentialsEnd: cmp.Or(g.CredentialsEnd, f.CredentialsEnd),
	}
}

func either(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}

// readiness returns the verdict as deciders read it, at the moment now. It is unknown when the last probe is too old.
func (h Health) readiness(now time.Time, t Thresholds) placement.Readiness {
	if !h.ProbedAt.IsZero() && now.Sub(h.ProbedAt) > t.stale() {
		return placement.Readiness{State: placement.ReadyUnknown, Since: h.ProbedAt.Add(t.stale()), Reason: "NotProbed"}
	}
	return placement.Readiness{State: h.Outcome.state(), Since: h.ReadySince, Reason: string(h.Outcome)}
}

// Describe returns the cluster with the verdict as its readiness, and with the version, region and zones that probes
// found where c has none. The argument is not changed.
func (h Health) Describe(c placement.Cluster, now time.Time, t Thresholds) placement.Cluster {
	c.Ready = h.readiness(now, t)
	c.Region, c.Zones = cmp.Or(c.Region, h.Facts.Region), slices.Clone(either(c.Zones, h.Facts.Zones))
	if _, ok := c.Properties[VersionProperty]; !ok && h.Facts.Version != "" {
		c.Properties = maps.Clone(c.Properties)
		if c.Properties == nil {
			c.Properties = map[string]string{}
		}
		c.Properties[VersionProperty] = h.Facts.Version
	}
	return c
}

// Next returns when the next probe is due; the zero time, which is past, if there was none.
func (h Health) Next(t Thresholds) time.Time {
	if h.ProbedAt.IsZero() {
		return time.Time{}
	}
	return h.ProbedAt.Add(t.period())
}

// Judge folds the probes of some clusters, by name, into the health of all. It is After for each cluster, except when
// more than MaxLost of at least three clusters that were not given up before are silent at their latest probe: then the
// fault may be on this side, and those that would become not ready for being Unreachable become Suspect instead, which
// is unknown. The arguments are not changed; the result has every cluster of both. A cluster that left must leave all too,
// or it goes on as a witness.
func Judge(all map[string]Health, probes map[string]Probe, t Thresholds) map[string]Health {
	next := make(map[string]Health, len(all)+len(probes))
	for name, h := range all {
		next[name] = h
	}
	for name, p := range probes {
		next[name] = all[name].After(p, t)
	}
	candidates, silent := 0, 0
	for name, h := range next {
		if h.Latest == "" || all[name].Outcome == Unreachable {
			continue
		}
		candidates++
		if h.Latest == Unreachable {
			silent++
		}
	}
	if candidates < 3 || float64(silent) <= t.maxLost()*float64(candidates) {
		return next
	}
	for name := range probes {
		h, before := next[name], all[name]
		if h.Outcome != Unreachable || before.Outcome == Unreachable {
			continue
		}
		h.Outcome, h.Message = Suspect, fmt.Sprintf("%d of %d clusters are silent: the fault may be on this side", silent, candidates)
		if before.Outcome == Suspect {
			h.OutcomeSince = before.OutcomeSince
		}
		if before.Outcome.state() == placement.ReadyUnknown && !before.ReadySince.IsZero() {
			h.ReadySince = before.ReadySince
		}
		next[name] = h
	}
	return next
}
