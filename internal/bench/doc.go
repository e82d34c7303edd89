// Package bench compares Confed with what others do on the same inputs: the replica scheduler with KubeFed's and
// KubeAdmiral's planners, overrides with KubeFed's. It is a module of its own, so that nobody else's build ever sees these
// dependencies.
package bench
