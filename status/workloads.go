package status

import "strconv"

// builtin assesses the kinds whose rules take more than a table.
func builtin(o *object) verdict {
	switch o.group {
	case "apps", "extensions":
		switch o.kind {
		case "Deployment":
			return deployment(o)
		case "StatefulSet":
			return statefulSet(o)
		case "DaemonSet":
			return daemonSet(o)
		case "ReplicaSet":
			return replicaSet(o)
		}
	case "batch":
		if o.kind == "Job" {
			return job(o)
		}
	case "":
		switch o.kind {
		case "Service":
			return service(o)
		case "Pod":
			return pod(o)
		case "ReplicationController":
			return replicaSet(o)
		case "PersistentVolumeClaim":
			return claim(o)
		}
	case "networking.k8s.io":
		if o.kind == "Ingress" {
			return balancer(o)
		}
	case "policy":
		if o.kind == "PodDisruptionBudget" {
			return budget(o)
		}
	case "apiextensions.k8s.io":
		if o.kind == "CustomResourceDefinition" {
			return definition(o)
		}
	}
	return verdict{}
}

func less(reason string, have, want int64, what string) verdict {
	return progress(reason, strconv.FormatInt(have, 10)+" of "+strconv.FormatInt(want, 10)+" replicas "+what)
}

func extra(have, want int64) verdict {
	return progress("ExtraPods", strconv.FormatInt(have-want, 10)+" replicas too many")
}

func replicasCurrent(n int64) verdict { return current(strconv.FormatInt(n, 10) + " replicas") }

func deployment(o *object) verdict {
	progressing, available := o.condition("Progressing"), o.condition("Available")
	if progressing.reason == "ProgressDeadlineExceeded" {
		return failed(progressing.reason, progressing.message)
	}
	want, have := o.count(o.spec, "replicas", 1), o.count(o.stat, "replicas", 0)
	updated := o.count(o.stat, "updatedReplicas", 0)
	ready, usable := o.count(o.stat, "readyReplicas", 0), o.count(o.stat, "availableReplicas", 0)
	// Without a deadline the controller sets no Progressing; a paused rollout that is complete waits for nothing.
	_, deadline := o.spec["progressDeadlineSeconds"]
	settled := !deadline || o.flag(o.spec, "paused") ||
		o.count(o.spec, "progressDeadlineSeconds", 0) == 1<<31-1 ||
		progressing.is("True") && progressing.reason == "NewReplicaSetAvailable"
	switch {
	case have < want:
		if c := o.condition("ReplicaFailure"); c.is("True") {
			return progress("ReplicaFailure", c.message)
		}
		return less("LessReplicas", have, want, "exist")
	case updated < want:
		return less("LessUpdated", updated, want, "updated")
	case have > want:
		return extra(have, want)
	case usable < updated:
		return less("LessAvailable", usable, updated, "available")
	case ready < want:
		return less("LessReady", ready, want, "ready")
	case !settled:
		return progress("ReplicaSetNotAvailable", "the new replica set is not available")
	case !available.is("True"):
		return progress("DeploymentNotAvailable", available.message)
	}
	return replicasCurrent(have)
}

func statefulSet(o *object) verdict {
	strategy := o.child(o.spec, "updateStrategy")
	rolling := o.child(strategy, "rollingUpdate")
	want, have := o.count(o.spec, "replicas", 1), o.count(o.stat, "replicas", 0)
	ready, updated := o.count(o.stat, "readyReplicas", 0), o.count(o.stat, "updatedReplicas", 0)
	revision, next := o.text(o.stat, "currentRevision", ""), o.text(o.stat, "updateRevision", "")
	switch {
	case have < want:
		return less("LessReplicas", have, want, "exist")
	case ready < want:
		return less("LessReady", ready, want, "ready")
	case have > want:
		return extra(have, want)
	case o.count(o.spec, "minReadySeconds", 0) > 0 && o.count(o.stat, "availableReplicas", 0) < want:
		return less("LessAvailable", o.count(o.stat, "availableReplicas", 0), want, "available")
	case o.text(strategy, "type", "") == "OnDelete": // whoever deletes the pods decides when they are updated
		return replicasCurrent(have)
	case rolling["partition"] != nil:
		if goal := want - o.count(rolling, "partition", 0); updated < goal {
			return less("PartitionRollout", updated, goal, "updated")
		}
		return replicasCurrent(have)
	case o.count(o.stat, "currentReplicas", 0) < want:
		return less("LessCurrent", o.count(o.stat, "currentReplicas", 0), want, "of the current revision")
	case revision != next:
		return progress("RevisionMismatch", "rolling out revision "+next)
	}
	return replicasCurrent(have)
}

func daemonSet(o *object) verdict {
	if o.meta["generation"] == nil {
		return progress("NoGeneration", "metadata.generation is missing")
	}
	if o.stat["observedGeneration"] == nil {
		return progress("NoObservedGeneration", "the controller has not reported yet")
	}
	if o.stat["desiredNumberScheduled"] == nil {
		return progress("NoDesiredNumber", "the controller has not counted yet")
	}
	want := o.count(o.stat, "desiredNumberScheduled", 0)
	have, updated := o.count(o.stat, "currentNumberScheduled", 0), o.count(o.stat, "updatedNumberScheduled", 0)
	usable, ready := o.count(o.stat, "numberAvailable", 0), o.count(o.stat, "numberReady", 0)
	onDelete := o.text(o.child(o.spec, "updateStrategy"), "type", "") == "OnDelete"
	switch {
	case have < want:
		return less("LessCurrent", have, want, "scheduled")
	case updated < want && !onDelete: // whoever deletes the pods decides when they are updated
		return less("LessUpdated", updated, want, "updated")
	case usable < want:
		return less("LessAvailable", usable, want, "available")
	case ready < want:
		return less("LessReady", ready, want, "ready")
	}
	return replicasCurrent(want)
}

func replicaSet(o *object) verdict {
	if c := o.condition("ReplicaFailure"); c.is("True") {
		return progress("ReplicaFailure", c.message)
	}
	want, have := o.count(o.spec, "replicas", 1), o.count(o.stat, "replicas", 0)
	labelled, usable := o.count(o.stat, "fullyLabeledReplicas", 0), o.count(o.stat, "availableReplicas", 0)
	ready := o.count(o.stat, "readyReplicas", 0)
	switch {
	case labelled < want:
		return less("LessLabelled", labelled, want, "bear the labels")
	case usable < want:
		return less("LessAvailable", usable, want, "available")
	case ready < want:
		return less("LessReady", ready, want, "ready")
	case have > want:
		return extra(have, want)
	}
	return replicasCurrent(have)
}
