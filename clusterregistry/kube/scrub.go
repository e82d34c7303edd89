package kube

import (
	"errors"
	"reflect"
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
	if err == nil || len(c.secrets) == 0 {
		return err
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		if c.clean(err.Error()) != err.Error() {
			return errEchoed
		}
		return err
	}
	clean := status.ErrStatus.DeepCopy()
	clean.Message = c.clean(clean.Message)
	if clean.Details != nil {
		for i := range clean.Details.Causes {
			clean.Details.Causes[i].Message = c.clean(clean.Details.Causes[i].Message)
		}
	}
	if reflect.DeepEqual(clean, &status.ErrStatus) {
		return err
	}
	return &apierrors.StatusError{ErrStatus: *clean}
}

func (c *Client) clean(text string) string {
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, mask)
	}
	return text
}
