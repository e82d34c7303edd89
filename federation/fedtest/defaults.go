package fedtest

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
)

// defaultRule fills in one field where its parent exists.
type defaultRule struct {
	path  []string
	value any
	// copies is the name of a sibling that is the value, when not empty.
	copies string
	// field and is are a sibling and the value that it must have, when field is not empty.
	field, is string
}

// defaultsOf returns what an object of a built-in kind has when it is new, and what a server fills in.
func defaultsOf(kind string) (map[string]any, []defaultRule) {
	rules := appendDefaults(nil, nil, kind)
	if len(rules) > 0 && slices.Equal(rules[0].path, []string{"new"}) {
		fresh, _ := rules[0].value.(map[string]any)
		return fresh, rules[1:]
	}
	return nil, rules
}

// complete adds to value what fresh has and value has not.
func complete(value, fresh map[string]any) {
	for name, content := range fresh {
		inner, isObject := content.(map[string]any)
		if live, ok := value[name].(map[string]any); ok && isObject {
			complete(live, inner)
		} else if value[name] == nil {
			value[name] = runtime.DeepCopyJSONValue(content)
		}
	}
}

func appendDefaults(rules []defaultRule, prefix []string, kind string) []defaultRule {
	section := ""
	for line := range strings.Lines(builtinDefaults) {
		if !strings.HasPrefix(line, "\t") {
			section = strings.TrimSpace(line)
			continue
		}
		if section != kind {
			continue
		}
		dotted, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		if dotted == "like" {
			rules = appendDefaults(rules, prefix, what)
			continue
		}
		path := append(slices.Clone(prefix), strings.Split(dotted, ".")...)
		if part, ok := strings.CutPrefix(what, "like "); ok {
			rules = appendDefaults(rules, path, part)
			continue
		}
		rule := defaultRule{path: path}
		what, condition, _ := strings.Cut(what, " if ")
		rule.field, rule.is, _ = strings.Cut(condition, "=")
		if copies, ok := strings.CutPrefix(what, "="); ok {
			rule.copies = copies
		} else if err := json.Unmarshal([]byte(what), &rule.value); err != nil {
			rule.value = err.Error() // a test reads every line
		}
		rules = append(rules, rule)
	}
	return rules
}

// fill sets the field where it is missing. A path goes through lists, and "*" through the values of a map.
func (r defaultRule) fill(value any, path []string) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			r.fill(item, path)
		}
	case map[string]any:
		if path[0] == "*" {
			for _, each := range value {
				r.fill(each, path[1:])
			}
			return
		}
		if len(path) > 1 {
			r.fill(value[path[0]], path[1:])
			return
		}
		if r.copies == "quantities" {
			canonical(value[path[0]])
			return
		}
		if have, ok := value[path[0]].(map[string]any); ok {
			more, _ := value[r.copies].(map[string]any)
			complete(have, more)
			return
		}
		if value[path[0]] != nil || r.field != "" && value[r.field] != any(r.is) {
			return
		}
		if filled := r.of(value); filled != nil {
			value[path[0]] = filled
		}
	}
}

func (r defaultRule) of(parent map[string]any) any {
	switch r.copies {
	case "":
		return runtime.DeepCopyJSONValue(r.value)
	case "pullPolicy":
		image, _ := parent["image"].(string)
		name := image[strings.LastIndex(image, "/")+1:]
		if _, tag, tagged := strings.Cut(name, ":"); !tagged && !strings.Contains(name, "@") || tag == "latest" {
			return "Always"
		}
		return "IfNotPresent"
	case "sourceOfLastResort":
		if len(parent) > 1 {
			return nil
		}
		return map[string]any{}
	}
	return runtime.DeepCopyJSONValue(parent[r.copies])
}

// canonical spells every quantity of a map as a server does. What is none stays as it is.
func canonical(quantities any) {
	values, _ := quantities.(map[string]any)
	for name, value := range values {
		if quantity, err := resource.ParseQuantity(strings.Trim(encode(value), `"`)); err == nil {
			values[name] = quantity.String()
		}
	}
}

// builtinDefaults are what a server fills in before it finds out who owns what. "new" is what an object of the kind
// has when nobody has written anything, since the server's types cannot do without it; the other lines are the
// defaulting of its API. "=name" is the value of a sibling, except for pullPolicy, which hangs on the image's tag, quantities, which are spelled anew, and sourceOfLastResort, for a volume without a source.
const builtinDefaults = `
podTemplate
	spec like podSpec
podSpec
	containers like container
	initContainers like container
	dnsPolicy "ClusterFirst"
	restartPolicy "Always"
	schedulerName "default-scheduler"
	securityContext {}
	terminationGracePeriodSeconds 30
	volumes.configMap.defaultMode 420
	volumes.downwardAPI.defaultMode 420
	volumes.projected.defaultMode 420
	volumes.secret.defaultMode 420
	volumes.downwardAPI.items.fieldRef.apiVersion "v1"
	volumes.projected.sources.downwardAPI.items.fieldRef.apiVersion "v1"
	volumes.projected.sources.serviceAccountToken.expirationSeconds 3600
	volumes.hostPath.type ""
	volumes.emptyDir =sourceOfLastResort
	volumes.emptyDir =quantities
	overhead =quantities
	resources like resources
container
	imagePullPolicy =pullPolicy
	resources {}
	resources like resources
	terminationMessagePath "/dev/termination-log"
	terminationMessagePolicy "File"
	env.valueFrom.fieldRef.apiVersion "v1"
	ports.protocol "TCP"
	livenessProbe like probe
	readinessProbe like probe
	startupProbe like probe
roleBinding
	roleRef.apiGroup "rbac.authorization.k8s.io"
	subjects.apiGroup "rbac.authorization.k8s.io" if kind=Group
	subjects.apiGroup "rbac.authorization.k8s.io" if kind=User
webhook
	clientConfig.service.port 443
	failurePolicy "Fail"
	matchPolicy "Equivalent"
	namespaceSelector {}
	objectSelector {}
	rules.scope "*"
	timeoutSeconds 10
MutatingWebhookConfiguration.admissionregistration.k8s.io
	webhooks like webhook
	webhooks.reinvocationPolicy "Never"
ValidatingWebhookConfiguration.admissionregistration.k8s.io
	webhooks like webhook
resources
	limits =quantities
	requests =quantities
probe
	failureThreshold 3
	periodSeconds 10
	successThreshold 1
	timeoutSeconds 1
	httpGet.path "/"
	httpGet.scheme "HTTP"
Deployment.apps
	new {"spec":{"selector":null,"template":{"metadata":{},"spec":{"containers":null}},"strategy":{}},"status":{}}
	spec.progressDeadlineSeconds 600
	spec.replicas 1
	spec.revisionHistoryLimit 10
	spec.strategy.type "RollingUpdate"
	spec.strategy.rollingUpdate {} if type=RollingUpdate
	spec.strategy.rollingUpdate.maxSurge "25%"
	spec.strategy.rollingUpdate.maxUnavailable "25%"
	spec.template like podTemplate
ReplicaSet.apps
	new {"spec":{"selector":null,"template":{"metadata":{},"spec":{"containers":null}}},"status":{"replicas":0}}
	spec.replicas 1
	spec.template like podTemplate
StatefulSet.apps
	new {"spec":{"selector":null,"template":{"metadata":{},"spec":{"containers":null}},"serviceName":"","updateStrategy":{}},"status":{"replicas":0,"availableReplicas":0}}
	spec.podManagementPolicy "OrderedReady"
	spec.replicas 1
	spec.revisionHistoryLimit 10
	spec.updateStrategy.type "RollingUpdate"
	spec.updateStrategy.rollingUpdate {} if type=RollingUpdate
	spec.updateStrategy.rollingUpdate.partition 0
	spec.persistentVolumeClaimRetentionPolicy {}
	spec.persistentVolumeClaimRetentionPolicy.whenDeleted "Retain"
	spec.persistentVolumeClaimRetentionPolicy.whenScaled "Retain"
	spec.template like podTemplate
	spec.volumeClaimTemplates.apiVersion "v1"
	spec.volumeClaimTemplates.kind "PersistentVolumeClaim"
	spec.volumeClaimTemplates.spec.resources like resources
	spec.volumeClaimTemplates.spec.volumeMode "Filesystem"
	spec.volumeClaimTemplates.status {"phase":"Pending"}
DaemonSet.apps
	new {"spec":{"selector":null,"template":{"metadata":{},"spec":{"containers":null}},"updateStrategy":{}},"status":{"currentNumberScheduled":0,"numberMisscheduled":0,"desiredNumberScheduled":0,"numberReady":0}}
	spec.revisionHistoryLimit 10
	spec.updateStrategy.type "RollingUpdate"
	spec.updateStrategy.rollingUpdate {} if type=RollingUpdate
	spec.updateStrategy.rollingUpdate.maxSurge 0
	spec.updateStrategy.rollingUpdate.maxUnavailable 1
	spec.template like podTemplate
job
	backoffLimit 6
	completionMode "NonIndexed"
	completions 1
	manualSelector false
	parallelism 1
	podReplacementPolicy "TerminatingOrFailed"
	suspend false
	template like podTemplate
Job.batch
	new {"spec":{"template":{"metadata":{},"spec":{"containers":null}}},"status":{}}
	spec like job
CronJob.batch
	new {"spec":{"schedule":"","jobTemplate":{"metadata":{},"spec":{"template":{"metadata":{},"spec":{"containers":null}}}}},"status":{}}
	spec.concurrencyPolicy "Allow"
	spec.failedJobsHistoryLimit 1
	spec.successfulJobsHistoryLimit 3
	spec.suspend false
	spec.jobTemplate.spec.template like podTemplate
Namespace
	new {"spec":{},"status":{}}
	status.phase "Active"
PersistentVolumeClaim
	new {"spec":{"resources":{}},"status":{}}
	spec.resources like resources
	status.capacity =quantities
	spec.volumeMode "Filesystem"
	status.phase "Pending"
ResourceQuota
	new {"spec":{},"status":{}}
	spec.hard =quantities
	status.hard =quantities
	status.used =quantities
Secret
	type "Opaque"
Service
	new {"spec":{},"status":{"loadBalancer":{}}}
	spec.externalTrafficPolicy "Cluster" if type=LoadBalancer
	spec.externalTrafficPolicy "Cluster" if type=NodePort
	spec.allocateLoadBalancerNodePorts true if type=LoadBalancer
	spec.ports.protocol "TCP"
	spec.ports.targetPort =port
	spec.sessionAffinity "None"
	spec.type "ClusterIP"
	spec.internalTrafficPolicy "Cluster"
HorizontalPodAutoscaler.autoscaling
	new {"spec":{"scaleTargetRef":{"kind":"","name":""},"maxReplicas":0},"status":{"desiredReplicas":0,"currentMetrics":null}}
	spec.minReplicas 1
	spec.metrics [{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]
Ingress.networking.k8s.io
	new {"spec":{},"status":{"loadBalancer":{}}}
NetworkPolicy.networking.k8s.io
	new {"spec":{"podSelector":{}}}
	spec.policyTypes ["Ingress"]
PodDisruptionBudget.policy
	new {"spec":{},"status":{"disruptionsAllowed":0,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}}
ClusterRole.rbac.authorization.k8s.io
	new {"rules":null}
ClusterRoleBinding.rbac.authorization.k8s.io
	new {"roleRef":{"apiGroup":"","kind":"","name":""}}
	like roleBinding
CustomResourceDefinition.apiextensions.k8s.io
	new {"spec":{"group":"","names":{"plural":"","kind":""},"scope":"","versions":null},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}
	spec.conversion {"strategy":"None"}
EndpointSlice.discovery.k8s.io
	new {"addressType":"","endpoints":null,"ports":null}
	endpoints.conditions {}
	ports.protocol "TCP"
Endpoints
	subsets.ports.protocol "TCP"
IngressClass.networking.k8s.io
	new {"spec":{}}
	spec.parameters.scope "Cluster"
Lease.coordination.k8s.io
	new {"spec":{}}
LimitRange
	new {"spec":{"limits":null}}
	spec.limits.default =quantities
	spec.limits.defaultRequest =quantities
	spec.limits.max =quantities
	spec.limits.min =quantities
Node
	new {"spec":{},"status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{"machineID":"","systemUUID":"","bootID":"","kernelVersion":"","osImage":"","containerRuntimeVersion":"","kubeletVersion":"","kubeProxyVersion":"","operatingSystem":"","architecture":""}}}
PersistentVolume
	new {"spec":{},"status":{}}
	spec.capacity =quantities
	spec.hostPath.type ""
	spec.persistentVolumeReclaimPolicy "Retain"
	spec.volumeMode "Filesystem"
	status.phase "Pending"
Pod
	new {"spec":{"containers":null},"status":{}}
	spec.enableServiceLinks true
	spec.serviceAccount =serviceAccountName
	spec.containers.resources.requests =limits
	spec.initContainers.resources.requests =limits
	spec like podSpec
PodTemplate
	new {"template":{"metadata":{},"spec":{"containers":null}}}
	template like podTemplate
PriorityClass.scheduling.k8s.io
	new {"value":0}
	preemptionPolicy "PreemptLowerPriority"
ReplicationController
	new {"spec":{},"status":{"replicas":0}}
	spec.replicas 1
	spec.template like podTemplate
Role.rbac.authorization.k8s.io
	new {"rules":null}
RoleBinding.rbac.authorization.k8s.io
	new {"roleRef":{"apiGroup":"","kind":"","name":""}}
	like roleBinding
StorageClass.storage.k8s.io
	new {"provisioner":""}
	reclaimPolicy "Delete"
	volumeBindingMode "Immediate"
`
