package kstatus

// kindCase is a kind and the values that its fields may have; the empty word leaves a field out.
type kindCase struct {
	gvk        string
	spec, stat map[string][]any
	conditions []string
}

func few() []any { return []any{"", int64(0), int64(1), int64(2), int64(2), int64(2)} }

func counters(names ...string) map[string][]any {
	out := map[string][]any{}
	for _, name := range names {
		out[name] = few()
	}
	return out
}

func join(a map[string][]any, key string, values ...any) map[string][]any {
	a[key] = values
	return a
}

func kinds() []kindCase {
	convention := []string{"Reconciling", "Stalled"}
	with := func(more ...string) []string {
		for range 4 { // the conventional ones shall be rare
			more = append(more, more...)
			if len(more) > 40 {
				break
			}
		}
		return append(more, convention...)
	}
	deploymentStatus := counters("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
	deploymentConditions := with("Progressing/NewReplicaSetAvailable", "Progressing/NewReplicaSetAvailable", "Progressing/ReplicaSetUpdated", "Progressing/ProgressDeadlineExceeded",
		"Progressing/DeploymentPaused", "Available", "Available", "Available", "ReplicaFailure/FailedCreate")
	deploymentSpec := join(join(counters("replicas"), "progressDeadlineSeconds", "", int64(600), int64(600), int64(2147483647)), "paused", "", "", true, false)
	setStatus := counters("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
	join(join(setStatus, "currentRevision", "", "a", "b"), "updateRevision", "", "a", "b", "b")
	setSpec := join(join(join(counters("replicas"), "updateStrategy.type", "", "RollingUpdate", "OnDelete"), "updateStrategy.rollingUpdate.partition", "", int64(0), int64(1), int64(5)), "minReadySeconds", "", "", int64(0), int64(10))
	daemonStatus := counters("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
	daemonSpec := map[string][]any{"updateStrategy.type": {"", "RollingUpdate", "OnDelete"}}
	replicaStatus := counters("replicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas")
	waiting := func(reason string) []any {
		return []any{map[string]any{"name": "app", "state": map[string]any{"waiting": map[string]any{"reason": reason}}}}
	}
	containers := []any{"", waiting("CrashLoopBackOff"), waiting("ImagePullBackOff"), waiting("ContainerCreating"), waiting("InvalidImageName"),
		[]any{map[string]any{"name": "app", "state": map[string]any{"running": map[string]any{}}}}}
	address := []any{"", []any{}, []any{map[string]any{"ip": "192.0.2.1"}}}
	return []kindCase{
		{"apps/v1 Deployment", deploymentSpec, deploymentStatus, deploymentConditions},
		{"extensions/v1beta1 Deployment", deploymentSpec, deploymentStatus, deploymentConditions},
		{"apps/v1 StatefulSet", setSpec, setStatus, with("Ready")},
		{"apps/v1 DaemonSet", daemonSpec, daemonStatus, with("Ready")},
		{"extensions/v1beta1 DaemonSet", daemonSpec, daemonStatus, nil},
		{"apps/v1 ReplicaSet", counters("replicas"), replicaStatus, with("ReplicaFailure/FailedCreate")},
		{"extensions/v1beta1 ReplicaSet", counters("replicas"), replicaStatus, nil},
		{"v1 ReplicationController", counters("replicas"), replicaStatus, nil},
		{"batch/v1 Job", counters("parallelism", "completions"), join(counters("succeeded", "active", "failed"), "startTime", "", "2026-01-01T00:00:00Z"), with("Complete", "Failed/BackoffLimitExceeded", "Suspended", "FailureTarget")},
		{"batch/v1 CronJob", map[string][]any{"schedule": {"* * * * *"}}, map[string][]any{"lastScheduleTime": {"", "2026-01-01T00:00:00Z"}}, convention},
		{"v1 Pod", nil, map[string][]any{"phase": {"", "Pending", "Running", "Running", "Succeeded", "Failed", "Unknown"}, "containerStatuses": containers, "initContainerStatuses": containers},
			with("Ready", "Ready", "PodScheduled/Unschedulable", "PodScheduled/SchedulingGated")},
		{"v1 Service", map[string][]any{"type": {"", "ClusterIP", "LoadBalancer", "LoadBalancer", "ExternalName"}, "clusterIP": {"", "10.0.0.1", "None"}}, map[string][]any{"loadBalancer.ingress": address}, convention},
		{"v1 PersistentVolumeClaim", nil, map[string][]any{"phase": {"", "Pending", "Bound", "Lost"}}, with("Resizing")},
		{"v1 PersistentVolume", nil, map[string][]any{"phase": {"", "Pending", "Available", "Bound", "Released", "Failed"}}, nil},
		{"v1 Namespace", nil, map[string][]any{"phase": {"", "Active", "Terminating"}}, nil},
		{"policy/v1 PodDisruptionBudget", nil, counters("disruptionsAllowed", "currentHealthy"), with("DisruptionAllowed/SyncFailed", "DisruptionAllowed/SufficientPods")},
		{"apiextensions.k8s.io/v1 CustomResourceDefinition", nil, nil, with("NamesAccepted", "NamesAccepted/ListKindConflict", "Established", "Established/Installing", "Established/NotAccepted")},
		{"v1 ConfigMap", nil, nil, nil}, {"v1 Secret", nil, nil, nil}, {"rbac.authorization.k8s.io/v1 Role", nil, nil, nil},
		{"networking.k8s.io/v1 Ingress", nil, map[string][]any{"loadBalancer.ingress": address}, nil},
		{"autoscaling/v2 HorizontalPodAutoscaler", nil, counters("currentReplicas"), with("AbleToScale", "ScalingActive/FailedGetResourceMetric", "ScalingActive/ScalingDisabled")},
		{"example.com/v1 Widget", nil, nil, with("Ready", "Ready/Working", "Available", "Failed", "Synced")},
	}
}
