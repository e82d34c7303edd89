package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Server is one control plane: an API server with its controllers. Its methods are not safe for concurrent use,
// except Config, Kubeconfig and Writes.
type Server struct {
	Name string
	URL  string

	fleet       *Fleet
	index       int // numbers the service network
	port        int
	etcdURL     string
	http        *http.Client
	token       string // of a cluster administrator
	controllers string // token of the controller-manager
	minor       string // emulated
	apiserver   *process
	manager     *process
	scheduler   *process // with kwok, after StartNodes
	kwok        *process
}

func (f *Fleet) newServer(name string, index int, etcdURL string) *Server {
	return &Server{
		Name: name, fleet: f, index: index, etcdURL: etcdURL, http: f.certs.httpClient(),
		token: rand.Text(), controllers: rand.Text(),
	}
}

// Config returns a new client configuration for an administrator of this cluster, without a client-side rate limit.
// Every cluster has its own token, so a client of one is refused by the others.
func (s *Server) Config() *rest.Config {
	return &rest.Config{
		Host: s.URL, BearerToken: s.token, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: s.fleet.certs.ca},
	}
}

// Kubeconfig returns the same access as Config as the text of a kubeconfig file.
func (s *Server) Kubeconfig() ([]byte, error) { return s.kubeconfig(s.token) }

func (s *Server) kubeconfig(token string) ([]byte, error) {
	return clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{s.Name: {Server: s.URL, CertificateAuthorityData: s.fleet.certs.ca}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{s.Name: {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{s.Name: {Cluster: s.Name, AuthInfo: s.Name}},
		CurrentContext: s.Name,
	})
}

// Kill ends the API server at once (SIGKILL), as a crash would. Its port then refuses connections. The
// controller-manager goes on and waits for it.
func (s *Server) Kill() { s.apiserver.kill() }

// Restart starts the API server again, with the same data on the same port, and waits until it is ready. A server
// that still runs is killed first.
func (s *Server) Restart(ctx context.Context) error {
	s.apiserver.kill()
	return s.startAPIServer(ctx)
}

// Emulate starts the API server again as one of an older minor version, such as 1.33: kinds and versions that came later are
// not served, not even those that are stored. Empty is the server's own version.
func (s *Server) Emulate(ctx context.Context, minor string) error {
	s.minor = minor
	return s.Restart(ctx)
}

func (s *Server) stop() {
	s.scheduler.kill()
	s.kwok.kill()
	s.manager.kill()
	s.apiserver.kill()
}

func (s *Server) file(name string) string { return filepath.Join(s.fleet.Dir, s.Name+"-"+name) }

func (s *Server) start(ctx context.Context, controllers bool) error {
	var err error
	if s.port, err = s.fleet.ports.take(); err != nil {
		return err
	}
	s.URL = loopback("https", s.port)
	// token, user name, user id, groups
	users := s.token + ",admin,admin,system:masters\n" + s.controllers + ",controllers,controllers,system:masters\n"
	if err := os.WriteFile(s.file("tokens.csv"), []byte(users), 0o600); err != nil {
		return err
	}
	if _, err := newKey(s.file("sa.key")); err != nil {
		return err
	}
	if err := s.startAPIServer(ctx); err != nil || !controllers {
		return err
	}
	return s.startControllers(ctx)
}

func (s *Server) startAPIServer(ctx context.Context) error {
	issuer := "https://kubernetes.default.svc"
	proc, err := startProcess(s.file("apiserver.log"), filepath.Join(s.fleet.bin, "kube-apiserver"),
		"--etcd-servers="+s.etcdURL, "--etcd-prefix=/"+s.Name,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+strconv.Itoa(s.port),
		"--tls-cert-file="+s.fleet.certs.certFile, "--tls-private-key-file="+s.fleet.certs.keyFile,
		"--token-auth-file="+s.file("tokens.csv"), "--authorization-mode=RBAC",
		"--service-account-issuer="+issuer, "--service-account-key-file="+s.file("sa.key"),
		"--service-account-signing-key-file="+s.file("sa.key"),
		"--service-cluster-ip-range="+fmt.Sprintf("10.%d.0.0/16", s.index),
		"--endpoint-reconciler-type=none", "--profiling=false", "--emulated-version="+s.minor)
	if err != nil {
		return err
	}
	s.apiserver = proc
	return proc.waitFor(ctx, "is ready", s.ready)
}

func (s *Server) startControllers(ctx context.Context) error {
	config, err := s.controllersConfig()
	if err != nil {
		return err
	}
	s.manager, err = startProcess(s.file("controllers.log"), filepath.Join(s.fleet.bin, "kube-controller-manager"),
		"--kubeconfig="+config, "--controllers=*,-node-lifecycle-controller",
		"--service-account-private-key-file="+s.file("sa.key"), "--root-ca-file="+s.fleet.certs.caFile,
		"--secure-port=0", "--leader-elect=false", "--profiling=false")
	if err != nil {
		return err
	}
	return s.manager.waitFor(ctx, "has made the default service account", func(ctx context.Context) error {
		_, err := s.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default")
		return err
	})
}

// controllersConfig writes the kubeconfig file for whatever acts in this cluster by itself.
func (s *Server) controllersConfig() (string, error) {
	config, err := s.kubeconfig(s.controllers)
	if err != nil {
		return "", err
	}
	file := s.file("controllers.kubeconfig")
	return file, os.WriteFile(file, config, 0o600)
}

// ready says whether the API server serves, with its own namespaces and roles in place.
func (s *Server) ready(ctx context.Context) error {
	if _, err := s.get(ctx, "/readyz"); err != nil {
		return err
	}
	_, err := s.get(ctx, "/api/v1/namespaces/default")
	return err
}
