package status

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cluster is what is known of one object in one cluster, in numbers and words; federation.Statuses makes it.
type Cluster struct {
	Name    string // cluster
	State   State
	Reason  string // CamelCase, federation's reason for the last step
	Message string // for people
	Health  Health
	Time    time.Time // of the last look; zero: unknown
}

// State says where the propagation to one cluster stands.
type State string

// The states, a closed set.
const (
	StateUnknown  State = ""         // could not look
	StateCurrent  State = "Current"  // holds what was wished
	StatePending  State = "Pending"  // held back or not yet written
	StateFailed   State = "Failed"   // refused
	StateRemoving State = "Removing" // is going away
	StateGone     State = "Gone"     // holds nothing, and nothing is wished there
)

// Health is what a live object's own status says, in kstatus terms.
type Health string

// The healths, a closed set.
const (
	HealthUnknown     Health = ""
	HealthCurrent     Health = "Current"
	HealthInProgress  Health = "InProgress"
	HealthFailed      Health = "Failed"
	HealthTerminating Health = "Terminating"
)

// Summary is what people read.
type Summary struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Clusters           []Cluster          `json:"clusters,omitempty"` // sorted by name
	Message            string             `json:"message"`            // one line: 7 of 9 clusters current, …
}
