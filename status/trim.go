package status

// interest ranks a cluster for readers; the lowest are dropped first. Zero means that nothing need be said.
func interest(c Cluster) int {
	switch {
	case c.State == StateFailed:
		return 6
	case c.State != StateCurrent && c.State != StatePending && c.State != StateRemoving:
		return 5
	case c.State == StatePending:
		return 4
	case c.Health == HealthFailed:
		return 3
	case c.State == StateRemoving:
		return 2
	case c.Health != HealthCurrent:
		return 1
	}
	return 0
}

// interestDropped is the highest interest that a cluster missing from a trimmed summary can have had, -1 for a whole one.
func interestDropped(s Summary) int {
	if s.Omitted == 0 {
		return -1
	}
	lowest := interest(Cluster{State: StateFailed})
	for _, c := range s.Clusters {
		lowest = min(lowest, interest(c))
	}
	return lowest
}
