// Package kubefed reads KubeFed's API objects (Kubernetes Federation v2, types.kubefed.io and core.kubefed.io) as the nouns
// of this library, and writes results in the form of KubeFed's status. It is data in, data out: decoded JSON comes as an
// *unstructured.Unstructured, nothing is asked of a cluster, and nothing here is needed by programs without such objects.
//
//	t, err := kubefed.DecodeType(typeConfig)        // which kinds are propagated, and in which version
//	wish, err := kubefed.Decode(obj, t.Target.GVK)  // FederatedDeployment → federation.Object
//	c, err := kubefed.DecodeCluster(cluster)        // KubeFedCluster → placement.Cluster
//	p, err := kubefed.DecodePreference(rsp)         // ReplicaSchedulingPreference → federation.Replicas
//	st := kubefed.EncodeStatus(last, results, kubefed.Report{Generation: g, Now: now})
//
// An object that cannot be read is a *federation.Error with the object and the field, and errors.Is(err,
// federation.ErrInvalid) holds; it is then kept as it is, never removed. Arguments are only read, and what is returned
// shares structure with them. All functions may be called concurrently.
package kubefed
