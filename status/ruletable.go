package status

// rulesOf holds the rules of kinds for which a table is enough, by API group.
func rulesOf(group string) []Rule {
	switch group {
	case "":
		return []Rule{
			{Kind: "Namespace", Current: []Check{is("status.phase", "Active")}},
			{Kind: "PersistentVolume", Failed: []Check{is("status.phase", "Failed")}, Current: []Check{in("status.phase", "Available", "Bound", "Released")}},
			{Kind: "ResourceQuota", Current: []Check{{Path: "status.hard", Op: "exists"}}},
		}
	case "autoscaling":
		return []Rule{{Group: group, Kind: "HorizontalPodAutoscaler",
			InProgress: []Check{
				condition("AbleToScale", "False"),
				{Path: "status.conditions[type=ScalingActive].reason", Op: "in", Reason: "NoMetrics",
					Value: []string{"FailedGetResourceMetric", "FailedGetContainerResourceMetric", "FailedGetPodsMetric", "FailedGetObjectMetric", "FailedGetExternalMetric", "FailedComputeMetricsReplicas", "InvalidSelector", "InvalidMetricSourceType"}},
			},
			Current: []Check{condition("AbleToScale", "True")}}}
	case "admissionregistration.k8s.io":
		return []Rule{{Group: group, Kind: "ValidatingAdmissionPolicy", Current: []Check{{Path: "status.observedGeneration", Op: "exists"}}}}
	case "flowcontrol.apiserver.k8s.io":
		return []Rule{{Group: group, Kind: "FlowSchema", Current: []Check{condition("Dangling", "False")}}}
	case "gateway.networking.k8s.io":
		return []Rule{
			{Group: group, Kind: "GatewayClass", Current: []Check{condition("Accepted", "True")}},
			{Group: group, Kind: "Gateway", Current: []Check{condition("Accepted", "True"), condition("Programmed", "True")}},
		}
	case "multicluster.x-k8s.io":
		return []Rule{{Group: group, Kind: "ServiceExport", Failed: []Check{condition("Valid", "False"), condition("Conflict", "True")}, Current: []Check{condition("Valid", "True")}}}
	case "apps.kruise.io":
		return kruiseRules(group)
	case "ray.io":
		return rayRules(group)
	case "kubeflow.org":
		return kubeflowRules(group)
	}
	return batchRules(group)
}

func is(path, value string) Check { return Check{Path: path, Value: value} }

func in(path string, values ...string) Check { return Check{Path: path, Op: "in", Value: values} }

func condition(kind, status string) Check {
	return Check{Path: "status.conditions[type=" + kind + "].status", Value: status}
}

// atLeast compares two counters; an absent one is zero.
func atLeast(path, than string) Check {
	return Check{Path: path, Op: ">=", Than: than, Default: int64(0)}
}

func kruiseRules(group string) []Rule {
	scaled := []Check{
		{Path: "status.observedGeneration", Op: "=", Than: "metadata.generation", Default: int64(0)},
		atLeast("status.updatedReplicas", "spec.replicas"), atLeast("status.availableReplicas", "status.updatedReplicas"),
	}
	return []Rule{
		{Group: group, Kind: "CloneSet", Current: scaled},
		{Group: group, Kind: "StatefulSet", Current: scaled},
		{Group: group, Kind: "UnitedDeployment", Current: []Check{
			scaled[0], atLeast("status.updatedReplicas", "spec.replicas"), atLeast("status.readyReplicas", "spec.replicas")}},
		{Group: group, Kind: "DaemonSet", Current: []Check{
			scaled[0], atLeast("status.updatedNumberScheduled", "status.desiredNumberScheduled"), atLeast("status.numberAvailable", "status.desiredNumberScheduled")}},
		{Group: group, Kind: "SidecarSet", Current: []Check{scaled[0], atLeast("status.updatedPods", "status.matchedPods")}},
		{Group: group, Kind: "BroadcastJob", Failed: []Check{condition("Failed", "True"), is("status.phase", "failed")}, Current: []Check{condition("Complete", "True")}},
		{Group: group, Kind: "AdvancedCronJob", Current: []Check{{Path: "metadata.name", Op: "exists"}}},
	}
}

func rayRules(group string) []Rule {
	return []Rule{
		{Group: group, Kind: "RayCluster", Failed: []Check{condition("ReplicaFailure", "True"), is("status.state", "failed")},
			Current: []Check{condition("HeadPodReady", "True"), condition("RayClusterProvisioned", "True")}},
		{Group: group, Kind: "RayJob", Failed: []Check{in("status.jobDeploymentStatus", "Failed", "ValidationFailed"), in("status.jobStatus", "FAILED", "STOPPED")},
			Current: []Check{is("status.jobDeploymentStatus", "Complete"), is("status.jobStatus", "SUCCEEDED")}},
	}
}

func kubeflowRules(group string) []Rule {
	rules := []Rule{{Group: group, Kind: "Notebook",
		Failed:  []Check{{Path: "status.containerState.waiting.reason", Op: "in", Value: []string{"CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName"}}},
		Current: []Check{{Path: "status.containerState.running", Op: "exists"}, {Path: "status.readyReplicas", Op: ">=", Value: int64(1), Default: int64(0)}}}}
	for _, kind := range []string{"PyTorchJob", "TFJob", "MPIJob", "XGBoostJob", "PaddleJob", "JAXJob"} {
		rules = append(rules, Rule{Group: group, Kind: kind, Failed: []Check{condition("Failed", "True")}, Current: []Check{condition("Succeeded", "True")}})
	}
	return rules
}

func batchRules(group string) []Rule {
	switch group {
	case "argoproj.io":
		return []Rule{
			{Group: group, Kind: "Workflow", Failed: []Check{in("status.phase", "Failed", "Error")}, Current: []Check{is("status.phase", "Succeeded")}},
			{Group: group, Kind: "Rollout", Failed: []Check{is("status.phase", "Degraded")}, Current: []Check{is("status.phase", "Healthy")}},
		}
	case "batch.volcano.sh":
		return []Rule{{Group: group, Kind: "Job", Failed: []Check{in("status.state.phase", "Failed", "Aborted", "Terminated")}, Current: []Check{is("status.state.phase", "Completed")}}}
	case "flink.apache.org":
		return []Rule{{Group: group, Kind: "FlinkDeployment",
			Failed: []Check{is("status.lifecycleState", "FAILED"), is("status.jobStatus.state", "FAILED"), is("status.jobManagerDeploymentStatus", "ERROR")},
			Current: []Check{is("status.lifecycleState", "STABLE"), // a session cluster has no job
				{Path: "status.jobStatus.state", Op: "in", Value: []string{"RUNNING", "FINISHED"}, Default: "RUNNING"}}}}
	case "sparkoperator.k8s.io":
		return []Rule{{Group: group, Kind: "SparkApplication", Failed: []Check{in("status.applicationState.state", "FAILED", "SUBMISSION_FAILED")},
			Current: []Check{is("status.applicationState.state", "COMPLETED")}}}
	}
	return nil
}
