package types

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Merge says how lists and maps of one kind merge: a path in the object to a rule. Paths are dotted field names; below
// a list they go on with the fields of its items, and "*" stands for every item of a list or value of a map. Rules are
//
//	atomic              the list or map is one value, with one owner
//	set                 a list of scalars, each with its own owner
//	keys name           a list of objects told apart by one field
//	keys port proto=TCP a list of objects told apart by several fields, with the value of a key that is left out
//	map                 a map with keys of the user's choosing, unlike an object with fields, which it can do without
//	any                 content without a schema: maps merge key by key, lists are one value
//	object              an object with no other fields than those that have rules
//	field               a field of such an object, with nothing more to say about it
//
// Where there is no rule, maps are objects with fields that merge one by one, and lists are one value. The empty path
// is the object itself: any for a kind without a schema, object for one with nothing but what the rules name.
type Merge map[string]string

// Builtin returns the rules of a kind: those of metadata, which all kinds share, and what the table has for it.
func Builtin(gk schema.GroupKind) Merge {
	merge := Merge{}
	include(merge, "", "object")
	include(merge, "", gk.String())
	return merge
}

func include(merge Merge, prefix, name string) {
	section := ""
	for line := range strings.Lines(rules) {
		if !strings.HasPrefix(line, "\t") {
			section = strings.TrimSpace(line)
			continue
		}
		if section != name {
			continue
		}
		path, how, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch part, like := strings.CutPrefix(how, "like "); {
		case path == "like":
			include(merge, prefix, how)
		case like:
			include(merge, prefix+path+".", part)
		default:
			merge[prefix+path] = how
		}
	}
}

// rules are those of the built-in kinds, as an API server's OpenAPI document has them in the extensions
// x-kubernetes-list-type, -list-map-keys and -map-type. Names in lower case are parts that kinds share.
const rules = `
object
	metadata like meta
meta
	annotations map
	finalizers set
	labels map
	ownerReferences keys uid=
	ownerReferences.* atomic
podTemplate
	metadata like meta
	spec like podSpec
podSpec
	affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution atomic
	containers keys name=
	containers like container
	ephemeralContainers keys name=
	ephemeralContainers like container
	hostAliases keys ip=
	imagePullSecrets keys name=
	imagePullSecrets.* atomic
	initContainers keys name=
	initContainers like container
	nodeSelector atomic
	overhead map
	resourceClaims keys name=
	resources like resources
	schedulingGates keys name=
	topologySpreadConstraints keys topologyKey= whenUnsatisfiable=
	topologySpreadConstraints.labelSelector atomic
	volumes keys name=
	volumes like volume
	volumes.csi.nodePublishSecretRef atomic
	volumes.csi.volumeAttributes map
	volumes.ephemeral.volumeClaimTemplate like claim
container
	env keys name=
	env.valueFrom.configMapKeyRef atomic
	env.valueFrom.fieldRef atomic
	env.valueFrom.fileKeyRef atomic
	env.valueFrom.resourceFieldRef atomic
	env.valueFrom.secretKeyRef atomic
	ports keys containerPort=0 protocol=TCP
	resources like resources
	volumeDevices keys devicePath=
	volumeMounts keys mountPath=
resources
	claims keys name=
	limits map
	requests map
storage
	limits map
	requests map
volume
	cephfs.secretRef atomic
	cinder.secretRef atomic
	flexVolume.options map
	flexVolume.secretRef atomic
	iscsi.secretRef atomic
	rbd.secretRef atomic
	scaleIO.secretRef atomic
	storageos.secretRef atomic
claim
	metadata like meta
	spec.dataSource atomic
	spec.resources like storage
	spec.selector atomic
workload
	spec.selector atomic
	spec.template like podTemplate
	status.conditions keys type=
webhooks
	webhooks keys name=
	webhooks.matchConditions keys name=
	webhooks.namespaceSelector atomic
	webhooks.objectSelector atomic
ConfigMap
	binaryData map
	data map
Namespace
	status.conditions keys type=
Node
	spec.podCIDRs set
	status.addresses keys type=
	status.allocatable map
	status.capacity map
	status.conditions keys type=
PersistentVolume
	spec like volume
	spec.capacity map
	spec.csi.controllerExpandSecretRef atomic
	spec.csi.controllerPublishSecretRef atomic
	spec.csi.nodeExpandSecretRef atomic
	spec.csi.nodePublishSecretRef atomic
	spec.csi.nodeStageSecretRef atomic
	spec.csi.volumeAttributes map
	spec.nodeAffinity.required atomic
PersistentVolumeClaim
	like claim
	status.allocatedResources map
	status.allocatedResourceStatuses map
	status.capacity map
	status.conditions keys type=
Pod
	spec like podSpec
	status.allocatedResources map
	status.conditions keys type=
	status.podIPs keys ip=
	status.resourceClaimStatuses keys name=
	status.resources like resources
PodTemplate
	template like podTemplate
ReplicationController
	like workload
ResourceQuota
	spec.hard map
	spec.scopeSelector atomic
	status.hard map
	status.used map
Secret
	data map
	stringData map
Service
	spec.ports keys port=0 protocol=TCP
	spec.selector atomic
	status.conditions keys type=
ServiceAccount
	secrets keys name
	secrets.* atomic
DaemonSet.apps
	like workload
Deployment.apps
	like workload
ReplicaSet.apps
	like workload
StatefulSet.apps
	like workload
Job.batch
	spec.selector atomic
	spec.template like podTemplate
	status.uncountedTerminatedPods.failed set
	status.uncountedTerminatedPods.succeeded set
CronJob.batch
	spec.jobTemplate.metadata like meta
	spec.jobTemplate.spec.selector atomic
	spec.jobTemplate.spec.template like podTemplate
CustomResourceDefinition.apiextensions.k8s.io
	status.conditions keys type=
HorizontalPodAutoscaler.autoscaling
	status.conditions keys type=
Ingress.networking.k8s.io
	spec.defaultBackend.resource atomic
	spec.defaultBackend.service.port atomic
NetworkPolicy.networking.k8s.io
	spec.podSelector atomic
PodDisruptionBudget.policy
	spec.selector atomic
	status.conditions keys type=
	status.disruptedPods map
StorageClass.storage.k8s.io
	parameters map
ClusterRoleBinding.rbac.authorization.k8s.io
	roleRef atomic
RoleBinding.rbac.authorization.k8s.io
	roleRef atomic
MutatingWebhookConfiguration.admissionregistration.k8s.io
	like webhooks
ValidatingWebhookConfiguration.admissionregistration.k8s.io
	like webhooks
`
