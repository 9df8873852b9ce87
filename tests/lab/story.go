package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/tests/bench"
)

const (
	benchUser     = "bench"
	benchPassword = "bench"
)

// Story is one scenario on the lab: its words, and the meters that it ran.
type Story struct {
	*Lab
	// Params are what the scenario wants beside the defaults.
	Params map[string]string
	// Deep is whether the scenario wants monitors of depth 20, too.
	Deep bool
	// configured says that the resource is loaded, by this story.
	configured bool
	// running is the meter that writes now; done are the reports of earlier ones.
	running *bench.Meter
	done    []*bench.Report
	// volumes are file systems of their own that the story wants on every node.
	volumes []volume
	// token is Corosync's patience, where the story wants another.
	token time.Duration
	// ambushes wait for an action of the agent; fencer answers fence agents.
	ambushes []*ambush
	fencer   *fencer
	// crowd are idle connections.
	crowd *crowd
	// logAt is where, in each node's log, the story began.
	logAt map[string]int64
	// reseeded are the nodes that came back only with new data.
	reseeded []string
}

// loaded is what the running cluster was configured with; nil when that is not
// known or the last story left it in an unknown state.
var loaded *setting

// setting is what a story wants that is not so by default.
type setting struct {
	params map[string]string // see wants
	deep   bool
}

// Forget makes the next `cluster healthy` start from nothing.
func (l *Lab) Forget() { loaded = nil }

// Resolve turns a node's part in the cluster into its name, at this moment:
// primary, replica (the same as replica1), replica2, dc, not-dc; or a node's name.
// primary:shop and its kin are the parts of another resource.
func (s *Story) Resolve(ctx context.Context, word string) (string, error) {
	if word == clientNS {
		return word, nil
	}
	if nd, err := s.Node(word); err == nil {
		return nd.Name, nil
	}
	st, err := s.QuorateStatus(ctx)
	if err != nil {
		return "", err
	}
	return st.Cast().Who(word)
}

// Booted starts a new cluster from nothing and installs the agent, without configuring it.
func (s *Story) Booted(ctx context.Context) error {
	s.Forget()
	s.Lab.volumes, s.Lab.token = s.volumes, s.token
	if err := s.Rebuild(ctx); err != nil {
		return err
	}
	return s.Install(ctx)
}

// Load configures the resource with the story's parameters.
func (s *Story) Load(ctx context.Context) error {
	s.Forget()
	s.configured = true
	return s.Configure(ctx, Config{Params: s.Params, Deep: s.Deep})
}

// Fresh is a new cluster, configured and healthy.
func (s *Story) Fresh(ctx context.Context) error {
	if err := s.Booted(ctx); err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return err
	}
	if err := s.AwaitHealthy(ctx, 120*time.Second); err != nil {
		return err
	}
	loaded = &setting{s.wants(), s.Deep}
	s.mark()
	return nil
}

// wants are the parameters, and what else a cluster is made by, as such.
func (s *Story) wants() map[string]string {
	w := maps.Clone(s.Params)
	if s.token > 0 {
		w["token"] = s.token.String()
	}
	for _, v := range s.volumes {
		w["volume "+v.Name] = fmt.Sprint(v.MiB)
	}
	return w
}

// Healthy reuses the running cluster when it can be brought to health at once
// with equal data and the same parameters; otherwise it starts from nothing.
func (s *Story) Healthy(ctx context.Context) error {
	if loaded != nil && maps.Equal(loaded.params, s.wants()) && loaded.deep == s.Deep {
		err := s.mend(ctx)
		if err == nil {
			err = s.AwaitHealthy(ctx, 30*time.Second)
		}
		if err == nil {
			err = s.AwaitEqual(ctx, 20*time.Second)
		}
		if err == nil {
			s.configured = true
			s.mark()
			return nil
		}
		s.logf("starting from nothing: %v", err)
	}
	return s.Fresh(ctx)
}

// mend takes back what a scenario may have left: cuts, frozen nodes, power, standby,
// constraints, failures.
func (s *Story) mend(ctx context.Context) error {
	if err := s.Heal(ctx); err != nil {
		return err
	}
	for _, nd := range s.Nodes {
		if err := s.ThawNode(ctx, nd.Name); err != nil {
			return err
		}
		if err := s.PowerOn(ctx, nd.Name); err != nil {
			return err
		}
	}
	if err := s.AwaitOnline(ctx, 60*time.Second); err != nil {
		return err
	}
	for _, nd := range s.Nodes {
		if err := s.Unstandby(ctx, nd.Name); err != nil {
			return err
		}
	}
	if err := s.Clear(ctx); err != nil {
		return err
	}
	_, _, err := s.Exec(ctx, s.Nodes[0].Name, "crm_resource", "--cleanup", "--resource", resourceID)
	return err
}

// Standby and Unstandby set what an operator would.
func (s *Story) Standby(ctx context.Context, node string) error { return s.standby(ctx, node, "on") }

// Unstandby takes a standby back.
func (s *Story) Unstandby(ctx context.Context, node string) error {
	return s.standby(ctx, node, "off")
}

// standby asks the nodes in turn: one that has just been switched on does not
// answer yet, and the DC may be one whose loss has not been noticed.
func (s *Story) standby(ctx context.Context, node, value string) error {
	first, err := s.anyone(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, by := range append([]string{first}, s.On()...) {
		_, _, err := s.Exec(ctx, by, "crm_attribute", "--type", "nodes", "--node", node, "--name", "standby", "--update", value)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Ban forbids the promoted role on a node, as `crm_resource --ban --promoted` does.
func (s *Story) Ban(ctx context.Context, node string) error {
	by, err := s.anyone(ctx)
	if err != nil {
		return err
	}
	_, _, err = s.Exec(ctx, by, "crm_resource", "--ban", "--resource", cloneID, "--promoted", "--node", node)
	return err
}

// Move wants the promoted role on a node, as `crm_resource --move --promoted` does.
// That fails where the role is there already; then there is nothing to do.
func (s *Story) Move(ctx context.Context, node string) error {
	st, err := s.QuorateStatus(ctx)
	if err != nil || slices.Equal(st.Promoted, []string{node}) {
		return err
	}
	_, _, err = s.Exec(ctx, node, "crm_resource", "--move", "--resource", cloneID, "--promoted", "--node", node)
	return err
}

// Clear removes what --ban and --move left.
func (s *Story) Clear(ctx context.Context) error {
	by, err := s.anyone(ctx)
	if err != nil {
		return err
	}
	_, _, err = s.Exec(ctx, by, "crm_resource", "--clear", "--resource", cloneID)
	return err
}

// anyone is a node that has quorum.
func (s *Story) anyone(ctx context.Context) (string, error) {
	st, err := s.QuorateStatus(ctx)
	if err != nil {
		return "", err
	}
	if s.IsOn(st.DC) {
		return st.DC, nil
	}
	// Its loss has not been noticed yet.
	for _, node := range s.On() {
		return node, nil
	}
	return "", errors.New("no node is on")
}

var attrValue = regexp.MustCompile(`(?m)value="([^"]*)"`)

// Attribute reads a node attribute, also a private one, as a node with quorum knows it.
func (s *Story) Attribute(ctx context.Context, node, name string) (string, error) {
	by, err := s.anyone(ctx)
	if err != nil {
		return "", err
	}
	out, _, err := s.Exec(ctx, by, "attrd_updater", "--query", "--name", name, "--node", node)
	if err != nil {
		return "", err
	}
	m := attrValue.FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("attribute %s of %s: no value in %q", name, node, out)
	}
	return m[1], nil
}

// AwaitAttribute waits until an attribute matches.
func (s *Story) AwaitAttribute(ctx context.Context, node, name string, want *regexp.Regexp, timeout time.Duration) error {
	return poll(ctx, timeout, 200*time.Millisecond, func(ctx context.Context) error {
		got, err := s.Attribute(ctx, node, name)
		if err == nil && !want.MatchString(got) {
			err = fmt.Errorf("attribute %s of %s is %q, want %s", name, node, got, want)
		}
		return err
	})
}

// AwaitSQL waits until a statement returns the value.
func (s *Story) AwaitSQL(ctx context.Context, node, stmt, want string, timeout time.Duration) error {
	return poll(ctx, timeout, 200*time.Millisecond, func(ctx context.Context) error {
		got, err := s.SQL(ctx, node, stmt)
		if err == nil && got != want {
			err = fmt.Errorf("%s on %s gives %q, want %q", stmt, node, got, want)
		}
		return err
	})
}

// AwaitEqual waits until all nodes with power report the same GTID position.
func (s *Story) AwaitEqual(ctx context.Context, timeout time.Duration) error {
	return poll(ctx, timeout, 300*time.Millisecond, func(ctx context.Context) error {
		var pos []string
		for _, node := range s.On() {
			p, err := s.SQL(ctx, node, s.System.facts().position)
			if err != nil {
				return err
			}
			pos = append(pos, p)
		}
		for _, p := range pos {
			if p != pos[0] {
				return errors.New("positions differ: " + strings.Join(pos, " | "))
			}
		}
		return nil
	})
}
