package kube

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// issuer gives out tokens by its own clock, to who has one that is valid.
type issuer struct {
	now    time.Time
	down   bool
	opaque bool
	issued int
}

func (i *issuer) token(life time.Duration) string {
	i.issued++
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,"jti":"%d"}`, i.now.Unix(), i.now.Add(life).Unix(), i.issued)
	return "canary-head." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".canary-signature"
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, end := tokenLife(&rest.Config{BearerToken: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")})
	switch {
	case i.down:
		hijack(w)
		return
	case !i.now.Before(end):
		writeJSON(w, http.StatusUnauthorized, apierrors.NewUnauthorized("Unauthorized").ErrStatus)
		return
	}
	var request struct {
		Spec struct{ ExpirationSeconds int64 }
	}
	_ = json.NewDecoder(r.Body).Decode(&request)
	token := i.token(time.Duration(request.Spec.ExpirationSeconds) * time.Second)
	if i.opaque {
		token = "canary-opaque"
	}
	writeJSON(w, http.StatusCreated, map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": map[string]any{"name": "confed"},
		"status": map[string]any{"token": token, "expirationTimestamp": i.now.UTC().Format(time.RFC3339)}})
}

// TestTokensAreRenewedBeforeTheyEnd lives through days of hourly tokens with a member that is down now and then.
func TestTokensAreRenewedBeforeTheyEnd(t *testing.T) {
	const life = time.Hour
	i := &issuer{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s := newCountedServer(t, i, true)
	g := Grant{Name: "confed", Namespace: "n", LongLived: true} // a token that ends is renewed as what it is
	config := s.config(i.token(life))
	end := i.now.Add(5 * 24 * time.Hour)
	failures := 0
	for round := 0; i.now.Before(end); round++ {
		i.down = round%7 < 3
		before, were := config.BearerToken, i.issued
		renewed, next, err := g.Renew(t.Context(), config, i.now)
		require.True(t, next.After(i.now))
		_, expires := tokenLife(renewed)
		require.True(t, next.Before(expires), "the next look comes too late")
		require.Equal(t, before, config.BearerToken, "the argument was changed")
		if err != nil {
			failures++
			require.Same(t, config, renewed)
			requireNoCanary(t, err)
		} else if i.issued == were {
			require.Same(t, config, renewed, "nothing was due")
		}
		require.LessOrEqual(t, i.issued-were, 1)
		config, i.now = renewed, next
	}
	require.NotZero(t, failures)
	require.InDelta(t, 5*24*time.Hour/(life/5*4), i.issued, 12, "a token each four fifths of its life")
	require.Eventually(t, func() bool { return s.open.Load() == 0 }, longTime, shortTime, "each renewal closes what it opened")

	i.down, i.now = false, i.now.Add(2*life)
	_, _, err := g.Renew(t.Context(), config, i.now)
	require.True(t, apierrors.IsUnauthorized(err), "%v", err)
	config.BearerToken, i.opaque = i.token(life), true
	renewed, next, err := g.Renew(t.Context(), config, i.now.Add(life-time.Second))
	require.NoError(t, err)
	require.Equal(t, "canary-opaque", renewed.BearerToken)
	require.Zero(t, next)
}

// TestAMemberWhoseClockIsLate gives tokens that are always old by our clock.
func TestAMemberWhoseClockIsLate(t *testing.T) {
	i := &issuer{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s := newCountedServer(t, i, true)
	config := s.config(i.token(time.Hour))
	now := i.now.Add(50 * time.Minute)
	renewed, next, err := Grant{Name: "confed", Namespace: "n"}.Renew(t.Context(), config, now)
	require.NoError(t, err)
	require.NotEqual(t, config.BearerToken, renewed.BearerToken)
	require.Equal(t, now.Add(time.Hour/50), next, "not at once, and so without a pause")
}

func TestTokensThatDoNotEnd(t *testing.T) {
	claims := func(text string) string { return "a." + base64.RawURLEncoding.EncodeToString([]byte(text)) + ".c" }
	i := &issuer{now: time.Now()}
	for _, config := range []*rest.Config{{}, {BearerToken: "opaque"}, {BearerToken: claims(`{}`)}, {BearerToken: claims(`{"exp": 7}`)}, {BearerToken: claims(`{"exp":7,"iat":9}`)},
		{BearerToken: claims(`{"exp":"x"}`)}, {BearerToken: i.token(time.Hour), BearerTokenFile: "/f"}} {
		renewed, next, err := Grant{}.Renew(t.Context(), config, i.now)
		require.NoError(t, err)
		require.Same(t, config, renewed)
		require.Zero(t, next)
	}
	_, _, err := Grant{}.Renew(t.Context(), &rest.Config{BearerToken: i.token(time.Hour), TLSClientConfig: rest.TLSClientConfig{CAData: []byte("canary-ca")}}, i.now.Add(time.Hour))
	require.Error(t, err)
	requireNoCanary(t, err)
}

func FuzzTokenLife(f *testing.F) {
	f.Add(`{"iat":1767322000,"exp":1767325600}`, "canary-token")
	f.Add(`{"iat":-1,"exp":9223372036854775807}`, "a.b.c")
	f.Fuzz(func(t *testing.T, claims, raw string) {
		for _, token := range []string{raw, "a." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c"} {
			issued, expires := tokenLife(&rest.Config{BearerToken: token})
			if expires.IsZero() && !issued.IsZero() {
				t.Fatalf("%q was issued and does not end", token)
			}
			config := &rest.Config{BearerToken: token, Host: "https://127.0.0.1:1"}
			renewed, next, err := Grant{}.Renew(t.Context(), config, issued)
			if renewed != config || err == nil && !next.IsZero() && !next.After(issued) {
				t.Fatalf("%q: at the moment of its issue it is due at %v: %v", token, next, err)
			}
		}
	})
}
