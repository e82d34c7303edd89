package scheduling

// Target is one candidate of a division: a cluster as numbers. No number but Tier may be negative, nor Min
// above Max.
type Target struct {
	Name     string // unique within one request, not empty
	Weight   int64  // share of the total, relative to the other weights; 0: Min only
	Min      int64  // a floor, not an addition on top of the weighted share
	Max      *int64 // nil: no upper bound
	Capacity *int64 // the least of what estimators say would run there; nil: unknown, which is not zero
	Current  *int64 // live spec.replicas minus those known unschedulable; nil: unknown
	NoGrowth bool   // ceiling at Current (a NoSchedule taint, a hard cap), at 0 when that is unknown
	Tier     int    // lower tiers fill to their ceilings first (burst to the cloud)
}

// Request is what is to be divided.
type Request struct {
	Replicas  int64  // how many, 0 to 2^60
	Key       string // breaks ties, normally namespace/name
	Rebalance bool   // may move replicas that already run
}

// Share is what one target gets.
type Share struct {
	Name     string
	Replicas int64
	Bound    Bound
}

// Bound says what kept a share from following its weight.
type Bound string

// The bounds, a closed set.
const (
	BoundNone     Bound = ""         // nothing: the share follows the weight
	BoundMin      Bound = "Min"      // raised to the floor
	BoundMax      Bound = "Max"      // stopped at Max
	BoundCapacity Bound = "Capacity" // stopped at Capacity
	BoundNoGrowth Bound = "NoGrowth" // stopped at Current
	BoundKept     Bound = "Kept"     // holds what already runs there
	BoundTier     Bound = "Tier"     // nothing was left after the tiers before it
)

// Result is a division. Shares are in the order of the targets; Shares and Unplaced add up to Request.Replicas.
type Result struct {
	Shares   []Share
	Unplaced int64 // replicas that no target could take
}

// A Strategy divides a request among targets.
type Strategy func(Request, []Target) (Result, error)
