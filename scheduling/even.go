package scheduling

// Even returns a [Strategy] that spreads replicas evenly over domains (regions, zones, any label) and within each domain
// by [Weighted]. The argument names the domain of each target; a target that it does not name is a domain of its own, so
// that Even(nil) spreads over the targets themselves. The map is read at each division and never changed.
//
// A domain takes part like one target of weight 1 whose bounds, room and running replicas are the sums of its targets';
// so the guarantees of Weighted hold for the domains among each other and for the targets within each, and one more
// replica never takes one away. Tiers order the targets within a domain. A domain whose targets all have weight 0 gets
// their Min, and what they keep.
func Even(domains map[string]string) Strategy {
	return func(req Request, targets []Target) (Result, error) {
		return even(req, targets, domains)
	}
}

func even(req Request, targets []Target, domains map[string]string) (Result, error) {
	d, err := newDivision(req, targets)
	if err != nil {
		return Result{}, err
	}
	var groups []Target
	var members [][]int // targets of each group
	number := map[string]int{}
	for p := range d.weight {
		i := d.target(p)
		name, named := domains[targets[i].Name]
		if name = "domain " + name; !named {
			name = "target " + targets[i].Name
		}
		g, known := number[name]
		if !known {
			g = len(groups)
			number[name] = g
			groups = append(groups, Target{Name: name, Capacity: new(int64), Current: new(int64)})
			members = append(members, nil)
		}
		members[g] = append(members[g], i)
		d.join(&groups[g], p)
	}
	outer, err := Weighted(req, groups)
	if err != nil {
		return Result{}, err
	}
	result := Result{Shares: make([]Share, len(targets)), Unplaced: outer.Unplaced}
	for g, part := range members {
		inner := make([]Target, len(part))
		for k, i := range part {
			inner[k] = targets[i]
		}
		within, err := Weighted(Request{outer.Shares[g].Replicas, req.Key, req.Rebalance}, inner)
		if err != nil {
			return Result{}, err
		}
		result.Unplaced += within.Unplaced
		for k, i := range part {
			result.Shares[i] = within.Shares[k]
		}
	}
	return result, nil
}

// join adds a position to the target that stands for its domain.
func (d *division) join(group *Target, p int) {
	_, _, keep := d.targets[d.target(p)].limits()
	low, room := d.bounds(p)
	if d.weight[p] == 0 {
		room = low
		if d.mode == shrinking {
			room = uint64(keep)
		}
	} else {
		group.Weight = 1
	}
	group.Min = addSat(group.Min, int64(low))
	*group.Capacity = addSat(*group.Capacity, int64(room))
	*group.Current = addSat(*group.Current, keep)
}
