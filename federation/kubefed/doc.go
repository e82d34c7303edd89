// Package kubefed reads KubeFed's API objects (Kubernetes Federation v2, types.kubefed.io and core.kubefed.io) as the nouns
// of this library, and writes results in their form. It is data in, data out: decoded JSON comes as an
// *unstructured.Unstructured, nothing is asked of a cluster, and nothing here is needed by programs without such objects.
//
//	t, err := kubefed.DecodeType(typeConfig)        // which kinds are propagated, and in which version
//	wish, err := kubefed.Decode(obj, t.Target.GVK)  // FederatedDeployment → federation.Object
//	c, err := kubefed.DecodeCluster(cluster)        // KubeFedCluster → placement.Cluster
//	p, err := kubefed.DecodePreference(rsp)         // ReplicaSchedulingPreference → federation.Replicas
//	st := kubefed.EncodeStatus(last, results, kubefed.Report{Generation: g, Now: now})
//
// The other way, what a cluster holds becomes federated, without asking a server:
//
//	r, err := kubefed.Match("deploy", discovered)         // what people call a resource → metav1.APIResource
//	t, crd, err := kubefed.Enable(r, nil, kubefed.Directive{}) // the type and its CustomResourceDefinition
//	obj, err := kubefed.Federate(live, t)                 // Deployment → FederatedDeployment
//
// DecodeV1 and DecodePrototype read what came before KubeFed's types.
//
// What is wrong with an object is a *federation.Error with the object and the field, and errors.Is(err,
// federation.ErrInvalid) holds. The error joins one for each field that is wrong, and beside it stands what could be read.
// An object that cannot be read is kept as it is, never removed. Validate says what KubeFed's webhooks said, and so do the rules
// in the definitions that CRDs returns.
//
// Functions that change an object (EncodeClusterStatus, WriteShares and their like) take it as it was read last and return
// what to write, or nil when there is nothing to write. Fields that they do not speak of stay, whether they know them or not.
//
// Arguments are only read, and what is returned shares structure with them. All functions may be called concurrently.
//
// The package exports more than others do, since KubeFed had a dozen kinds, and each is here with one function to read it
// and one to write it; there is no second way to do either. Beside them are the commands of kubefedctl, as far as they are data.
package kubefed
