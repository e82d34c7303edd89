// Package cluster starts real Kubernetes control planes for tests: one host and any number of members, each a
// kube-apiserver with its own controller-manager, over one shared etcd, all on loopback.
//
// A test package shares one fleet, which starts with the first test that asks for it:
//
//	func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }
//
//	func TestStory(t *testing.T) {
//		fleet := cluster.Shared(t)
//		client, err := dynamic.NewForConfig(fleet.Members[0].Config())
//		…
//	}
//
// The servers are the ones that internal/kubebin pins; the first run builds them, which takes minutes. There are no
// nodes and no scheduler: Deployments make ReplicaSets and Pods, which stay pending, unless a test asks for nodes with
// StartNodes. Everything started ends with the test process, however that ends. The logs of a failed run stay, in a
// directory that the run prints.
package cluster
