package manager

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
)

// DefaultNamespace is where KubeFed's own objects are unless somebody says otherwise.
const DefaultNamespace = "kube-federation-system"

// Options configure Run. What a KubeFedConfig says is not here.
type Options struct {
	Host      *rest.Config // how to reach the host cluster; required
	Namespace string       // the KubeFed system namespace; "": DefaultNamespace
	Identity  string       // of this replica, unique; "": the host's name and random letters

	// Config is used in place of the KubeFedConfig in the system namespace.
	Config *unstructured.Unstructured

	HealthAddr  string // serves /healthz and /readyz; "": nowhere
	MetricsAddr string // serves /metrics; "": nowhere

	// Shard divides the federated objects among all replicas; without it one of them leads and the others wait.
	Shard bool

	// SystemNamespaces are never federated; nil: kube-system, kube-public, kube-node-lease and default. The system namespace
	// is always one.
	SystemNamespaces []string

	// Workers is how many objects of one type are worked on at a time, if KubeFedConfig does not ask for more; 0: 32.
	Workers int

	// Settle is how long a change in a member is waited out, so that several become one look; 0: a second.
	Settle time.Duration

	// Compatible writes what only KubeFed's own tools read: PropagatedVersions, and the defaults into the KubeFedConfig.
	Compatible bool

	// KeepSchedules leaves what a ReplicaSchedulingPreference wrote when it is deleted, as KubeFed did. The default is to
	// give the federated object back what it had.
	KeepSchedules bool

	// Additive divides replicas as KubeFed did, where a minimum comes on top of the weighted share. The default takes it as the
	// floor that its name promises.
	Additive bool

	// Log takes structured logs; the zero value drops them.
	Log logr.Logger
}

// podNamespace is that of the service account, "" outside a pod.
func podNamespace() string {
	data, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// defaulted returns the options with their defaults, or what is wrong with them.
func (o Options) defaulted(random string) (Options, error) {
	if o.Host == nil {
		return o, errors.New("Options.Host is missing")
	}
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	if faults := validation.IsDNS1123Label(o.Namespace); len(faults) > 0 {
		return o, fmt.Errorf("Options.Namespace %q: %s", o.Namespace, faults[0])
	}
	if o.Identity == "" {
		name, err := os.Hostname()
		if err != nil {
			return o, err
		}
		o.Identity = name + "_" + random
	}
	if o.SystemNamespaces == nil {
		o.SystemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease", "default"}
	}
	if o.Workers <= 0 {
		o.Workers = 32
	}
	if o.Settle <= 0 {
		o.Settle = time.Second
	}
	return o, nil
}
