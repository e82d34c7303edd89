package scheduling

import "fmt"

// WeightsFromCapacity returns a copy of the targets weighted by how many replicas of the workload would run there in all.
// Each estimate says by target how many more would; a target without an entry is unknown to it. What counts is the least
// of the estimates that know the target, plus Current: a workload's own use is added back, or it would flee from itself.
// Of a target that no estimate knows, only what runs there is known to fit, so that is its weight: unknown is not
// unlimited.
//
// Damping is the number of calls in which a change takes effect by and large: a weight goes 1/damping of the way, at least
// 1, from the Weight of the target, which is best the result of the last call. With 1, or from 0, it goes all the way.
// Under estimates that stand still the weights do too, after finitely many calls.
// A negative estimate, a damping below 1 or a sum above the range of int64 is [ErrInvalid].
func WeightsFromCapacity(targets []Target, damping int64, estimates ...map[string]int64) ([]Target, error) {
	if err := Validate(Request{}, targets); err != nil {
		return nil, err
	}
	if damping < 1 {
		return nil, &InvalidError{Field: "damping", Reason: fmt.Sprintf("is below 1: %d", damping)}
	}
	weighted := make([]Target, len(targets))
	for i, t := range targets {
		free, known := int64(0), false
		for _, estimate := range estimates {
			n, ok := estimate[t.Name]
			if n < 0 {
				return nil, &InvalidError{Target: t.Name, Field: "estimates", Reason: fmt.Sprintf("hold a negative number: %d", n)}
			}
			if ok && (!known || n < free) {
				free, known = n, true
			}
		}
		room := free + t.running()
		if room < 0 {
			return nil, &InvalidError{Target: t.Name, Field: "estimates", Reason: "overflow with Current"}
		}
		weighted[i] = t
		weighted[i].Weight = room
		if way := room - t.Weight; damping > 1 && t.Weight > 0 && way != 0 {
			step := way / damping
			if step == 0 {
				step = way / max(way, -way)
			}
			weighted[i].Weight = t.Weight + step
		}
	}
	return weighted, nil
}
