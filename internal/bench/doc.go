// Package bench compares the replica scheduler with KubeFed's and KubeAdmiral's planners on the same inputs. It is a module
// of its own, so that nobody else's build ever sees these dependencies.
package bench
