package kube

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// Renew returns a copy of config with a new token of the Grant's ServiceAccount if four fifths of the life of the one
// in it are over at the moment now, else config itself; and when to call again. It asks the member with the old token,
// which gives the right to, for one that lives as long. How long that is stands in the token, so nothing has to be
// remembered: after a restart a program goes on with the config that it finds in its records. What it gets it writes
// there before it uses it, and its source of members does the rest.
//
// A config whose token never ends, or is none that can be read, or comes from a file, is returned with the zero time. With
// an error, config is returned as it is, and the time is soon: a member that is down for a while loses nothing. A token
// that has ended cannot be renewed (a Client with it is refused as unauthorized): ask for one as an administrator.
func (g Grant) Renew(ctx context.Context, config *rest.Config, now time.Time) (renewed *rest.Config, next time.Time, err error) {
	issued, expires := tokenLife(config)
	life := expires.Sub(issued)
	if issued.IsZero() || life <= 0 {
		return config, time.Time{}, nil
	}
	if due := issued.Add(life / 5 * 4); now.Before(due) {
		return config, due, nil
	}
	soon := now.Add(life / 50)
	client, err := NewClient(config, Options{})
	if err != nil {
		return config, soon, err
	}
	defer client.CloseIdleConnections()
	token, _, err := Grant{Name: g.Name, Namespace: g.Namespace}.Token(ctx, client, life)
	if err != nil {
		return config, soon, err
	}
	renewed = rest.CopyConfig(config)
	renewed.BearerToken = token
	issued, expires = tokenLife(renewed)
	if issued.IsZero() {
		return renewed, time.Time{}, nil
	}
	if next = issued.Add(expires.Sub(issued) / 5 * 4); next.Before(soon) { // by the member's clock
		next = soon
	}
	return renewed, next, nil
}

// tokenLife reads a token of a ServiceAccount, without verifying it; zero: never, or it cannot be told.
func tokenLife(config *rest.Config) (issued, expires time.Time) {
	parts := strings.Split(config.BearerToken, ".")
	if len(parts) != 3 || config.BearerTokenFile != "" {
		return issued, expires
	}
	var claims struct{ Iat, Exp int64 }
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 {
		return issued, expires
	}
	if claims.Iat > 0 {
		issued = time.Unix(claims.Iat, 0)
	}
	return issued, time.Unix(claims.Exp, 0)
}
