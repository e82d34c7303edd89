package status

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// customFields holds the rows of well-known custom resources. Where one value stands for many members it is the worst,
// or the first by name of cluster; never the one that happened to come last.
func customFields(kind metav1.GroupKind) []Field {
	switch kind.Group {
	case "apps.kruise.io":
		return kruiseFields(kind.Kind)
	case "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io":
		return fluxFields(kind.Kind)
	case "ray.io":
		return rayFields(kind.Kind)
	case "kubeflow.org":
		return kubeflowFields(kind.Kind)
	case "kyverno.io":
		if kind.Kind == "Policy" || kind.Kind == "ClusterPolicy" {
			return []Field{{Path: "rulecount.*", Reduce: Sum}, {Path: "autogen", Reduce: First}, {Path: "ready", Reduce: All}, conditionRow()}
		}
	case "flink.apache.org":
		if kind.Kind == "FlinkDeployment" {
			return flinkFields()
		}
	case "argoproj.io":
		if kind.Kind == "Workflow" {
			return []Field{
				{Path: "phase", Reduce: Worst, Order: []string{"Error", "Failed", "", "Pending", "Running", "Succeeded"}, With: []string{"message"}},
				{Path: "startedAt", Reduce: Earliest}, {Path: "finishedAt", Reduce: Latest, Every: true}, conditionRow("PodRunning"),
			}
		}
	case "batch.volcano.sh":
		if kind.Kind == "Job" {
			return volcanoFields()
		}
	case "sparkoperator.k8s.io":
		if kind.Kind == "SparkApplication" {
			return sparkFields()
		}
	}
	return nil
}

func only() Field { return Field{Reduce: Only} }

func kruiseFields(kind string) []Field {
	revision := Field{Path: "currentRevision", Reduce: Behind, With: []string{"updateRevision"}}
	switch kind {
	case "CloneSet":
		return with(reduce(Sum, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "updatedReadyReplicas", "updatedAvailableReplicas", "expectedUpdatedReplicas"),
			revision, Field{Path: "labelSelector", Reduce: First}, observed(), conditionRow("FailedScale", "FailedUpdate"))
	case "StatefulSet":
		return with(reduce(Sum, "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "updatedReadyReplicas", "updatedAvailableReplicas"),
			revision, Field{Path: "labelSelector", Reduce: First}, observed(), conditionRow())
	case "DaemonSet":
		return with(appsFields(kind), Field{Path: "daemonSetHash", Reduce: First})
	case "UnitedDeployment":
		return with(reduce(Sum, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"), observed(), conditionRow())
	case "SidecarSet":
		return with(reduce(Sum, "matchedPods", "updatedPods", "readyPods", "updatedReadyPods"), observed())
	case "BroadcastJob":
		return with(reduce(Sum, "active", "succeeded", "failed", "desired"),
			Field{Path: "phase", Reduce: Worst, Order: []string{"failed", "paused", "running", "completed"}},
			Field{Path: "startTime", Reduce: Earliest}, Field{Path: "completionTime", Reduce: Latest, Every: true},
			Field{Path: "conditions", Reduce: Conditions, Any: []string{"Failed"}, Every: true})
	case "AdvancedCronJob":
		return with(jobFields("CronJob"), Field{Path: "type", Reduce: First})
	}
	return nil
}

func fluxFields(kind string) []Field {
	rows := []Field{observed(), conditionRow("Stalled", "Reconciling")}
	switch kind {
	case "Kustomization":
		return with(rows, reduce(First, "lastAppliedRevision", "lastAttemptedRevision")...)
	case "HelmRelease":
		rows = with(rows, reduce(First, "lastAppliedRevision", "lastAttemptedRevision", "lastAttemptedValuesChecksum", "lastReleaseRevision", "helmChart")...)
		return with(rows, reduce(Sum, "failures", "installFailures", "upgradeFailures")...)
	case "GitRepository":
		return with(rows, reduce(First, "artifact")...)
	case "Bucket", "HelmRepository", "OCIRepository":
		return with(rows, reduce(First, "artifact", "url")...)
	case "HelmChart":
		return with(rows, reduce(First, "artifact", "url", "observedChartName", "observedSourceArtifactRevision")...)
	}
	return nil
}

func flinkFields() []Field {
	return []Field{
		only(), observed(),
		{Path: "lifecycleState", Reduce: Worst, Order: []string{"FAILED", "ROLLING_BACK", "ROLLED_BACK", "SUSPENDED", "CREATED", "UPGRADING", "DELETING", "DELETED", "DEPLOYED", "STABLE"}, With: []string{"error"}},
		{Path: "jobManagerDeploymentStatus", Reduce: Worst, Order: []string{"ERROR", "MISSING", "DEPLOYING", "DEPLOYED_NOT_READY", "READY"}},
		{Path: "jobStatus.state", Reduce: Worst, With: []string{"jobId", "jobName", "startTime", "updateTime"}, Order: []string{
			"FAILED", "FAILING", "RESTARTING", "CANCELLING", "CANCELED", "SUSPENDED", "CREATED", "INITIALIZING", "RECONCILING", "RUNNING", "FINISHED"}},
		{Path: "clusterInfo", Reduce: First}, {Path: "reconciliationStatus", Reduce: First}, {Path: "taskManager", Reduce: First},
	}
}

func volcanoFields() []Field {
	return with(reduce(Sum, "minAvailable", "pending", "running", "succeeded", "failed", "terminating", "unknown", "retryCount", "taskStatusCount.*.phase.*"),
		only(),
		Field{Path: "state.phase", Reduce: Worst, With: []string{"reason", "message", "lastTransitionTime"}, Order: []string{
			"Failed", "Aborted", "Terminated", "Aborting", "Terminating", "Restarting", "Pending", "Running", "Completing", "Completed"}},
		Field{Path: "version", Reduce: Max}, Field{Path: "runningDuration", Reduce: Longest},
		Field{Path: "controlledResources", Reduce: Merge}, Field{Path: "conditions", Reduce: Concat, Key: []string{"status"}})
}

func rayFields(kind string) []Field {
	switch kind {
	case "RayCluster":
		return with(reduce(Sum, "readyWorkerReplicas", "availableWorkerReplicas", "desiredWorkerReplicas", "minWorkerReplicas", "maxWorkerReplicas"),
			append(reduce(Quantity, "desiredCPU", "desiredMemory", "desiredGPU", "desiredTPU"), only(), observed(), conditionRow("ReplicaFailure", "RayClusterSuspending", "RayClusterSuspended"),
				Field{Path: "state", Reduce: Worst, Order: []string{"failed", "unhealthy", "suspended", "", "ready"}, With: []string{"reason"}},
				Field{Path: "lastUpdateTime", Reduce: Latest}, Field{Path: "endpoints", Reduce: First}, Field{Path: "head", Reduce: First})...)
	case "RayJob":
		return []Field{
			only(), observed(),
			{Path: "jobDeploymentStatus", Reduce: Worst, With: []string{"reason", "message"}, Order: []string{
				"Failed", "ValidationFailed", "Suspended", "Suspending", "Waiting", "", "Initializing", "Retrying", "Running", "Complete"}},
			{Path: "jobStatus", Reduce: Worst, Order: []string{"FAILED", "STOPPED", "", "PENDING", "RUNNING", "SUCCEEDED"}},
			{Path: "startTime", Reduce: Earliest}, {Path: "endTime", Reduce: Latest, Every: true},
			{Path: "succeeded", Reduce: Sum}, {Path: "failed", Reduce: Sum},
		}
	case "RayService":
		apps := []string{"DEPLOY_FAILED", "UNHEALTHY", "DELETING", "DEPLOYING", "NOT_STARTED", "RUNNING"}
		return []Field{
			only(), observed(), conditionRow("UpgradeInProgress"),
			{Path: "numServeEndpoints", Reduce: Sum}, {Path: "lastUpdateTime", Reduce: Latest},
			{Path: "serviceStatus", Reduce: Worst, Order: []string{"", "Running"}},
			{Path: "activeServiceStatus", Reduce: First}, {Path: "pendingServiceStatus", Reduce: First},
			// A member that does not run an application says nothing against it.
			{Path: "activeServiceStatus.applicationStatuses.*.status", Reduce: Worst, Order: apps, Missing: "RUNNING"},
		}
	}
	return nil
}

func sparkFields() []Field {
	return []Field{
		only(),
		{Path: "applicationState.state", Reduce: Worst, With: []string{"errorMessage"}, Order: []string{
			"FAILED", "SUBMISSION_FAILED", "FAILING", "UNKNOWN", "INVALIDATING", "PENDING_RERUN", "SUSPENDED", "SUSPENDING", "", "SUBMITTED", "RESUMING", "RUNNING", "SUCCEEDING", "COMPLETED"}},
		{Path: "executionAttempts", Reduce: Sum}, {Path: "submissionAttempts", Reduce: Sum},
		{Path: "lastSubmissionAttemptTime", Reduce: Latest}, {Path: "terminationTime", Reduce: Latest, Every: true},
		{Path: "executorState", Reduce: Merge},
	}
}

func kubeflowFields(kind string) []Field {
	switch kind {
	case "Notebook":
		return []Field{only(), {Path: "readyReplicas", Reduce: Sum}, {Path: "containerState", Reduce: Worst, Order: []string{"terminated", "waiting", "running"}}, conditionRow("Waiting", "Terminated")}
	case "PyTorchJob", "TFJob", "MPIJob", "XGBoostJob", "PaddleJob", "JAXJob":
		return with(reduce(Sum, "replicaStatuses.*.active", "replicaStatuses.*.succeeded", "replicaStatuses.*.failed"),
			Field{Path: "startTime", Reduce: Earliest}, Field{Path: "completionTime", Reduce: Latest, Every: true}, Field{Path: "lastReconcileTime", Reduce: Latest},
			Field{Path: "conditions", Reduce: Conditions, Any: []string{"Created", "Running", "Restarting", "Failed", "Suspended"}, Every: true})
	}
	return nil
}
