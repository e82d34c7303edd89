package status

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cluster is what is known of one object in one cluster, in numbers and words; federation.Statuses makes it.
type Cluster struct {
	Name    string    `json:"name"`             // cluster
	State   State     `json:"state,omitempty"`  // where the propagation stands
	Reason  string    `json:"reason,omitempty"` // CamelCase, federation's reason for the last step
	Message string    `json:"message,omitempty"`
	Health  Health    `json:"health,omitempty"`
	Time    time.Time `json:"time,omitzero"`    // of the last look; zero: unknown
	Since   time.Time `json:"since,omitzero"`   // State and Reason are what they are since then; set by Summarize, zero: unknown
	Values  []Value   `json:"values,omitempty"` // observed counts and whatever else Feedback read
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

// Value is one value read from a live object. Plain strings, so that values compare with ==.
type Value struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"` // Integer, Number, Boolean, String or JSON; empty when there is no value
	Value string `json:"value,omitempty"`
	Error string `json:"error,omitempty"` // why there is no value: CamelCase reason, then ": " and words
}

// Summary is what people read: it marshals to JSON and belongs into the status of the program's own object.
type Summary struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Clusters           []Cluster          `json:"clusters,omitempty"` // sorted by name
	Message            string             `json:"message"`            // one line: 7 of 9 clusters current, …
	Totals             Totals             `json:"totals"`
	Omitted            int                `json:"omittedClusters,omitempty"` // clusters counted in Totals but not listed
}

// Totals counts the clusters of a Summary by state and by health, those that are not listed included.
type Totals struct {
	Clusters   int `json:"clusters"`
	Current    int `json:"current"`
	Pending    int `json:"pending,omitempty"`
	Failed     int `json:"failed,omitempty"`
	Removing   int `json:"removing,omitempty"`
	Unknown    int `json:"unknown,omitempty"`
	Healthy    int `json:"healthy,omitempty"`    // Health is Current
	InProgress int `json:"inProgress,omitempty"` // Health is InProgress or Terminating
	Unhealthy  int `json:"unhealthy,omitempty"`  // Health is Failed
}
