package model

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// member is one cluster, and the gate through which the program reaches it: a federation.ClusterClient that fails as it is
// told to and checks every request. Requests about one object come one after the other.
type member struct {
	Member
	world *world
	index int
	away  bool // not in the fleet
	dark  dark
	since time.Time // of the darkness

	copies map[*thing]*copied
}

// copied is what is known of one object in one member.
type copied struct {
	looked bool                       // in this pass
	seen   *unstructured.Unstructured // what the program was answered in this pass; nil: absent
	ours   types.UID                  // the program made it or took it over
	never  bool                       // nothing of ours can ever have been there
	sent   bool                       // a write was sent in this pass
	failed error                      // what the last one came to
	spend  int                        // requests until the program dies; negative: it lives
	writes int                        // of this pass
	events []event
}

// dark is how a member fails to answer.
type dark int

const (
	bright dark = iota
	refused
	silent
	unavailable
	throttled
	internal
	unauthorized
	pathless
	unconnected
	darkest // how many there are, but for the one below: not a fault of the gate, the member is not there
	killed
)

func (d dark) String() string {
	return []string{"bright", "refused", "silent", "unavailable", "throttled", "internal", "unauthorized", "pathless", "unconnected", "", "killed"}[d]
}

// event is something that happens at a write of the program.
type event struct {
	at   int // the number of the write
	name string
	run  func() // before it; nil: nothing
	fail error  // the write is not done and fails so
	lose error  // the write is done, and the answer is lost
}

var (
	errDead   = errors.New("the program is dead")
	errNoCred = errors.New("no credentials")
	errLost   = fmt.Errorf("read: %w", syscall.ECONNRESET)
)

// answer is what a dark member answers.
func (m *member) answer(ctx context.Context) error {
	switch m.dark {
	case refused:
		return fmt.Errorf("dial tcp: connect: %w", syscall.ECONNREFUSED)
	case silent:
		if m.world.clock {
			<-ctx.Done()
			return fmt.Errorf("no answer: %w", ctx.Err())
		}
		return fmt.Errorf("no answer: %w", context.DeadlineExceeded)
	case unavailable:
		return apierrors.NewServiceUnavailable("starting")
	case throttled:
		return apierrors.NewTooManyRequests("too many requests", 1)
	case internal:
		return apierrors.NewInternalError(errors.New("etcd has no leader"))
	case unauthorized:
		return apierrors.NewUnauthorized("token expired")
	case pathless:
		return apierrors.NewGenericServerResponse(404, "get", schema.GroupResource{}, "", "the server could not find the requested resource", 0, true)
	}
	return nil
}

// enter lets a write in, or says how it fails.
func (m *member) enter(ctx context.Context, c *copied) error {
	if c.spend == 0 {
		return fmt.Errorf("%w: %w", context.Canceled, errDead)
	}
	if c.spend > 0 {
		c.spend--
	}
	return m.answer(ctx)
}

// Get implements federation.ClusterClient.
func (m *member) Get(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName) (*unstructured.Unstructured, error) {
	if err := m.answer(ctx); err != nil {
		return nil, err
	}
	live, err := m.Client.Get(ctx, gvk, name)
	if x := m.world.find(gvk, name.Name); x == nil {
		m.world.broke("%s: a request for %s %s, which is nobody's wish", m.Name, gvk.Kind, name)
	} else if err == nil || apierrors.IsNotFound(err) {
		m.copies[x].looked = true
		m.copies[x].seen = live.DeepCopy()
	}
	return live, err
}

// Create implements federation.ClusterClient.
func (m *member) Create(ctx context.Context, obj *unstructured.Unstructured, opts metav1.CreateOptions) (live *unstructured.Unstructured, err error) {
	r := request{verb: "create", sent: obj, manager: opts.FieldManager}
	err = m.write(ctx, r, func() error { live, err = m.Client.Create(ctx, obj, opts); return err })
	return live, err
}

// Patch implements federation.ClusterClient.
func (m *member) Patch(ctx context.Context, obj *unstructured.Unstructured, jsonPatch []byte, opts metav1.PatchOptions) (live *unstructured.Unstructured, err error) {
	r := request{verb: "apply", sent: obj, manager: opts.FieldManager}
	if jsonPatch != nil {
		r.verb = "patch"
	}
	err = m.write(ctx, r, func() error { live, err = m.Client.Patch(ctx, obj, jsonPatch, opts); return err })
	return live, err
}

// Delete implements federation.ClusterClient.
func (m *member) Delete(ctx context.Context, gvk schema.GroupVersionKind, name types.NamespacedName, opts metav1.DeleteOptions) error {
	target := &unstructured.Unstructured{Object: doc{}}
	target.SetGroupVersionKind(gvk)
	target.SetName(name.Name)
	return m.write(ctx, request{verb: "delete", sent: target}, func() error { return m.Client.Delete(ctx, gvk, name, opts) })
}

// request is one write of the program, with what was there before and after it.
type request struct {
	verb          string // create, apply, patch, delete
	sent          *unstructured.Unstructured
	manager       string
	before, after *unstructured.Unstructured
	err           error // what the member said
}

// write lets a write through, with what is to happen around it, and checks it.
func (m *member) write(ctx context.Context, r request, do func() error) (err error) {
	x := m.world.find(r.sent.GroupVersionKind(), r.sent.GetName())
	if x == nil {
		m.world.broke("%s: %s of %s %s, which is nobody's wish", m.Name, r.verb, r.sent.GetKind(), r.sent.GetName())
		return errDead
	}
	c := m.copies[x]
	defer func() { c.sent, c.failed = true, err }()
	if err = m.enter(ctx, c); err != nil {
		return err
	}
	var lose error
	for _, e := range c.events {
		if e.at != c.writes {
			continue
		}
		m.world.tell("  %s: before write %d: %s", m.Name, c.writes, e.name)
		if lose = e.lose; e.run != nil {
			e.run()
		}
		if e.fail != nil {
			c.writes++
			return e.fail
		}
	}
	c.writes++
	var readable, still bool
	r.before, readable = m.live(x)
	r.err = do()
	r.after, still = m.live(x)
	m.world.tell("  %s: %s %s: %s", m.Name, r.verb, x, outcome(r.err))
	if readable && still {
		m.check(x, r)
	}
	if r.err == nil && lose != nil {
		return lose
	}
	return r.err
}

func outcome(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// live is what the member holds, as everybody can see, and whether it answers.
func (m *member) live(x *thing) (*unstructured.Unstructured, bool) {
	live, err := m.Client.Get(m.world.ctx, x.gvk(), x.key())
	if err != nil {
		return nil, apierrors.IsNotFound(err)
	}
	return live, true
}
