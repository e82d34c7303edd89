package federation

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// templateAnnotation carries the digest of the template on the copies of a lazy object.
const templateAnnotation = "confed.dev/template"

// frozen reports that a lazy object waits: the template is what all copies that can be seen were made from. Planning for
// nowhere never waits.
func (r *renderer) frozen(clusters []candidate) bool {
	if !r.obj.Lazy || r.obj.Placement.Clusters == nil && r.obj.Placement.Selector == nil {
		return false
	}
	seen := false
	for i := range clusters {
		o := clusters[i].seen
		if o.Live == nil {
			continue
		}
		if made := metadata(o.Live, "annotations", templateAnnotation); made == r.template {
			seen = true
		} else if made != "" {
			return false
		}
	}
	return seen
}

// expire finds out when all copies had finished, and whether their time after that is over.
func (p *Plan) expire(ttl *time.Duration, clusters []candidate, snap Snapshot) bool {
	if ttl == nil {
		return false
	}
	if p.Finished = snap.Finished; p.Finished.IsZero() {
		p.Finished = finished(clusters)
	}
	if p.Finished.IsZero() {
		return false
	}
	end := p.Finished.Add(*ttl)
	if !snap.Now.Before(end) {
		return true
	}
	if p.Next.IsZero() || end.Before(p.Next) {
		p.Next = end
	}
	return false
}

// finished is when the last of the selected copies finished; zero while one has not, or is not seen.
func finished(clusters []candidate) time.Time {
	var last time.Time
	for i := range clusters {
		if !clusters[i].selected() {
			continue
		}
		o := clusters[i].seen
		at := time.Time{}
		if o.Live != nil {
			at = finishedAt(o.Live)
		}
		if at.IsZero() {
			return time.Time{}
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// finishedAt reads a condition Complete or Failed, as Jobs have.
func finishedAt(live *unstructured.Unstructured) time.Time {
	conditions, _ := get(live.Object, []string{"status", "conditions"})
	list, _ := conditions.([]any)
	for _, c := range list {
		m, _ := c.(map[string]any)
		if kind := m["type"]; (kind == "Complete" || kind == "Failed") && m["status"] == "True" {
			text, _ := m["lastTransitionTime"].(string)
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				return at
			}
		}
	}
	return time.Time{}
}
