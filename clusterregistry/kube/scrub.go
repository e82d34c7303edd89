package kube

import (
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// mask stands for a credential that came back.
const mask = "[masked]"

// errEchoed replaces an error that would show our credentials.
var errEchoed = errors.New("the answer repeated our credentials")

// secretsOf lists what must never be in an error: a member may send back what it was sent.
func secretsOf(config *rest.Config) []string {
	return slices.DeleteFunc([]string{config.BearerToken, config.Password}, func(s string) bool { return s == "" })
}

// scrub returns err without our credentials.
func (c *Client) scrub(err error) error {
	shown := func(text string) bool {
		return slices.ContainsFunc(c.secrets, func(secret string) bool { return strings.Contains(text, secret) })
	}
	if err == nil || !shown(err.Error()) {
		return err
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		return errEchoed
	}
	clean := *status.ErrStatus.DeepCopy()
	hide := func(text *string) {
		for _, secret := range c.secrets {
			*text = strings.ReplaceAll(*text, secret, mask)
		}
	}
	hide(&clean.Message)
	if clean.Details != nil {
		for i := range clean.Details.Causes {
			hide(&clean.Details.Causes[i].Message)
		}
	}
	return &apierrors.StatusError{ErrStatus: clean}
}
