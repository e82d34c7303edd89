package kube

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Every credential in the files starts with this; no error may contain it.
const canary = "canary-"

const goodKubeconfig = `
apiVersion: v1
kind: Config
current-context: first
clusters:
- name: one
  cluster: {server: "https://one.example:6443", certificate-authority: ca.crt, tls-server-name: api}
- name: broken
  cluster: {server: "https://broken.example", certificate-authority-data: "canary-%%%"}
- name: proxied
  cluster: {server: "https://p.example", proxy-url: "http://user:canary-proxy@proxy.example"}
- name: badproxy
  cluster: {server: "https://p.example", proxy-url: "gopher://user:canary-proxy@proxy.example"}
users:
- name: token
  user: {token: canary-token}
- name: number
  user: {token: [canary-list]}
- name: twice
  user: {token: canary-token, username: u, password: canary-password}
- name: exec
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, interactiveMode: IfAvailable, env: [{name: K, value: canary-env}]}}
- name: interactive
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, interactiveMode: Always}}
- name: legacy
  user: {auth-provider: {name: gcp, config: {access-token: canary-legacy}}}
- name: double
  user: {token: canary-one}
- name: double
  user: {token: canary-two}
contexts:
- {name: double, context: {cluster: one, user: double}}
- {name: again, context: {cluster: one, user: token}}
- {name: again, context: {cluster: proxied, user: token}}
- {name: first, context: {cluster: one, user: token}}
- {name: broken, context: {cluster: broken, user: token}}
- {name: proxied, context: {cluster: proxied, user: token}}
- {name: badproxy, context: {cluster: badproxy, user: token}}
- {name: number, context: {cluster: one, user: number}}
- {name: twice, context: {cluster: one, user: twice}}
- {name: exec, context: {cluster: one, user: exec}}
- {name: interactive, context: {cluster: one, user: interactive}}
- {name: legacy, context: {cluster: one, user: legacy}}
- {name: dangling, context: {cluster: nowhere, user: token}}
- {name: nobody, context: {cluster: one, user: nobody}}
`

func writeKubeconfig(t testing.TB, text string) string {
	dir := t.TempDir()
	path := filepath.Join(dir, "config")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.crt"), nil, 0o600))
	return path
}

func TestFromKubeconfig(t *testing.T) {
	path := writeKubeconfig(t, goodKubeconfig)
	config, err := FromKubeconfig(path, "")
	require.NoError(t, err)
	require.Equal(t, "https://one.example:6443", config.Host)
	require.Equal(t, "canary-token", config.BearerToken)
	require.Equal(t, filepath.Join(filepath.Dir(path), "ca.crt"), config.CAFile)
	require.Equal(t, "api", config.ServerName)

	config, err = FromKubeconfig(path, "proxied")
	require.NoError(t, err)
	require.NotNil(t, config.Proxy)

	config, err = FromKubeconfig(path, "exec", "get-token")
	require.NoError(t, err)
	require.Equal(t, api.NeverExecInteractiveMode, config.ExecProvider.InteractiveMode)
}

func TestFromKubeconfigRefuses(t *testing.T) {
	path := writeKubeconfig(t, goodKubeconfig)
	for _, test := range []struct {
		context, cluster string
		plugins          []string
		want             error // nil: any
	}{
		{context: "absent", want: ErrNoContext},
		{context: "double", cluster: "one", want: ErrMalformed},
		{context: "again", cluster: "one", want: ErrMalformed},
		{context: "broken", cluster: "broken", want: ErrMalformed},
		{context: "badproxy", cluster: "badproxy", want: ErrProxyURL},
		{context: "number", cluster: "one", want: ErrMalformed},
		{context: "twice", cluster: "one"},
		{context: "exec", cluster: "one", want: ErrExecPlugin},
		{context: "exec", cluster: "one", plugins: []string{"./get-token", "token"}, want: ErrExecPlugin},
		{context: "interactive", cluster: "one", plugins: []string{"get-token"}, want: ErrExecPlugin},
		{context: "legacy", cluster: "one", want: ErrAuthProvider},
		{context: "dangling", cluster: "nowhere", want: ErrMalformed},
		{context: "nobody", cluster: "one", want: ErrMalformed},
	} {
		t.Run(test.context, func(t *testing.T) {
			config, err := FromKubeconfig(path, test.context, test.plugins...)
			require.Nil(t, config)
			var kerr *SourceError
			require.ErrorAs(t, err, &kerr)
			require.Equal(t, "kubeconfig "+path, kerr.Origin)
			require.Equal(t, test.context, kerr.Context)
			require.Equal(t, test.cluster, kerr.Cluster)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			requireNoCanary(t, err)
		})
	}
}

func TestFromKubeconfigFiles(t *testing.T) {
	_, err := FromKubeconfig(filepath.Join(t.TempDir(), "absent"), "")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, text := range []string{"", "canary-text", "{", "kind: Secret\ndata: {a: canary-x}", "clusters: canary-x", "apiVersion: v1", "current-context: [canary-x]"} {
		_, err := FromKubeconfig(writeKubeconfig(t, text), "")
		require.ErrorIs(t, err, ErrMalformed, text)
		requireNoCanary(t, err)
	}
}

func TestKubeconfigFromElsewhereNamesNoFile(t *testing.T) {
	k, err := parseKubeconfig("secret a/b", []byte(goodKubeconfig))
	require.NoError(t, err)
	_, err = k.config("first")
	require.ErrorIs(t, err, ErrFileReference)
	k, err = parseKubeconfig("secret a/b", []byte(strings.ReplaceAll(goodKubeconfig, "certificate-authority: ca.crt, ", "")))
	require.NoError(t, err)
	_, err = k.config("first")
	require.NoError(t, err)
}

func requireNoCanary(t testing.TB, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, text := range []string{e.Error(), fmt.Sprintf("%v", e), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
			require.NotContains(t, text, canary)
		}
	}
}

func FuzzKubeconfig(f *testing.F) {
	f.Add([]byte(goodKubeconfig))
	f.Add([]byte(`{"contexts":[{"name":"a","context":{"cluster":"c"}}],"users":[null,{"name":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseKubeconfig("fuzz", data)
		if err != nil {
			return
		}
		for _, e := range k.contexts {
			config, err := k.config(e.name)
			if (config == nil) == (err == nil) {
				t.Fatalf("context %q: config %v, error %v", e.name, config != nil, err)
			}
			if err == nil && config.ExecProvider != nil {
				t.Fatal("an exec plugin that nobody allowed")
			}
		}
	})
}
