package manager

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
)

// Flags are the options as a command line has them, under KubeFed's names where it had them.
type Flags struct {
	Options
	Kubeconfig, Master, ConfigFile string
	QPS                            float64
	Burst                          int
	System                         string
	Version                        bool
	Verbosity                      int // how much is logged

	ignored []string
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
	fs.IntVar(&f.Verbosity, "v", 0, "how much is logged; 3: every plan")
	f.bindIgnored(fs)

	fs.StringVar(&f.Identity, "identity", "", "of this replica, unique (default: the host's name and random letters)")
	fs.BoolVar(&f.Shard, "shard", false, "divide the objects among all replicas, instead of one that leads")
	fs.StringVar(&f.System, "system-namespaces", "kube-system,kube-public,kube-node-lease,default", "namespaces that are never federated")
	fs.IntVar(&f.Workers, "workers", 0, "objects of one type that are worked on at a time (default 32)")
	fs.DurationVar(&f.Settle, "settle", time.Second, "how long a change in a member is waited out")
	fs.BoolVar(&f.Compatible, "kubefed-compatible", false, "write PropagatedVersions and the defaulted KubeFedConfig")
	fs.BoolVar(&f.Additive, "additive-minimum", false, "divide replicas as KubeFed did: minReplicas on top of the weighted share")
	fs.BoolVar(&f.KeepSchedules, "keep-schedules", false, "leave what a deleted ReplicaSchedulingPreference wrote")
}

// bindIgnored declares the other flags of klog, which KubeFed had, in both spellings that it took. Logs are JSON on standard error.
func (f *Flags) bindIgnored(fs *flag.FlagSet) {
	ignore := func(spelling string) func(string) error {
		return func(string) error {
			f.ignored = append(f.ignored, spelling)
			return nil
		}
	}
	const usage = "of klog; ignored"
	for _, name := range []string{"add_dir_header", "alsologtostderr", "logtostderr", "one_output", "skip_headers", "skip_log_headers"} {
		for _, spelling := range spellings(name) {
			fs.BoolFunc(spelling, usage, ignore(spelling))
		}
	}
	for _, name := range []string{"log_backtrace_at", "log_dir", "log_file", "log_file_max_size", "stderrthreshold", "vmodule"} {
		for _, spelling := range spellings(name) {
			fs.Func(spelling, usage, ignore(spelling))
		}
	}
}

func spellings(name string) []string {
	return slices.Compact([]string{name, strings.ReplaceAll(name, "_", "-")})
}

// Logger writes structured logs, as much as the flags ask for, and says first which flags were given and mean nothing here.
func (f *Flags) Logger(to io.Writer) logr.Logger {
	log := logr.FromSlogHandler(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: slog.Level(-f.Verbosity)}))
	if len(f.ignored) > 0 {
		log.Info("flags of klog are taken and ignored: logs are JSON on standard error", "flags", f.ignored)
	}
	return log
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
