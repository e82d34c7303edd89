package manager

import (
	"errors"
	"flag"
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

// Flags are the options as a command line has them, under KubeFed's names where it had them.
type Flags struct {
	Options
	Kubeconfig, Master, ConfigFile string
	QPS                            float64
	Burst                          int
	System                         string
	Version                        bool
}

// Bind declares the flags.
func (f *Flags) Bind(fs *flag.FlagSet) {
	fs.StringVar(&f.Namespace, "kubefed-namespace", "", "the KubeFed system namespace (default: that of the pod, else "+DefaultNamespace+")")
	fs.StringVar(&f.Kubeconfig, "kubeconfig", "", "path of a kubeconfig of the host (default: the pod's service account)")
	fs.StringVar(&f.Master, "master", "", "address of the host's API server, over the kubeconfig's")
	fs.StringVar(&f.ConfigFile, "kubefed-config", "", "path of a KubeFedConfig to use in place of the one in the cluster")
	fs.StringVar(&f.HealthAddr, "healthz-addr", ":8080", "address of /healthz and /readyz; 0: nowhere")
	fs.StringVar(&f.MetricsAddr, "metrics-addr", ":9090", "address of /metrics; 0: nowhere")
	fs.Float64Var(&f.QPS, "rest-config-qps", 0, "requests per second to the host; 0: no limit but the host's own")
	fs.IntVar(&f.Burst, "rest-config-burst", 0, "requests at once above that")
	fs.BoolVar(&f.Version, "version", false, "print the version and end")

	fs.StringVar(&f.Identity, "identity", "", "of this replica, unique (default: the host's name and random letters)")
	fs.BoolVar(&f.Shard, "shard", false, "divide the objects among all replicas, instead of one that leads")
	fs.StringVar(&f.System, "system-namespaces", "kube-system,kube-public,kube-node-lease,default", "namespaces that are never federated")
	fs.IntVar(&f.Workers, "workers", 0, "objects of one type that are worked on at a time (default 32)")
	fs.DurationVar(&f.Settle, "settle", time.Second, "how long a change in a member is waited out")
	fs.BoolVar(&f.Compatible, "kubefed-compatible", false, "write PropagatedVersions and the defaulted KubeFedConfig")
	fs.BoolVar(&f.Additive, "additive-minimum", false, "divide replicas as KubeFed did: minReplicas on top of the weighted share")
	fs.BoolVar(&f.KeepSchedules, "keep-schedules", false, "leave what a deleted ReplicaSchedulingPreference wrote")
}

// Complete reads the files that the flags name and returns the options.
func (f *Flags) Complete() (Options, error) {
	o := f.Options
	host, err := hostConfig(f.Master, f.Kubeconfig)
	if err != nil {
		return o, fmt.Errorf("the host's connection: %w", err)
	}
	if o.Host = host; f.QPS != 0 {
		o.Host.QPS, o.Host.Burst = float32(f.QPS), f.Burst
	}
	if f.ConfigFile != "" {
		if o.Config, err = readObject(f.ConfigFile); err != nil {
			return o, err
		}
	}
	if o.Namespace == "" {
		o.Namespace = podNamespace()
	}
	o.SystemNamespaces = []string{}
	for _, name := range strings.Split(f.System, ",") {
		if name = strings.TrimSpace(name); name != "" {
			o.SystemNamespaces = append(o.SystemNamespaces, name)
		}
	}
	return o, nil
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
