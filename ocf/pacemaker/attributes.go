package pacemaker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// infinity is Pacemaker's: every score at or beyond it is the same.
const infinity = 1000000

// maxArgument is what the kernel takes as one argument (MAX_ARG_STRLEN), the end
// of the string included.
const maxArgument = 128 << 10

// SetScore writes this node's promotion score. It returns when the attribute
// daemon has taken it.
func (c *Cluster) SetScore(ctx context.Context, score int) error {
	// Long options with "=" only: the short ones of 2.1.5 store -INFINITY as "-I",
	// which counts as 0 and makes the node eligible.
	if _, _, err := c.run(ctx, nil, "crm_attribute", "--promotion="+c.resource, "--node="+c.node,
		"--lifetime=reboot", "--update="+formatScore(score)); err != nil {
		return fmt.Errorf("set score: %w", err)
	}
	return nil
}

// Shown reads a public attribute of this node as the CIB shows it.
func (c *Cluster) Shown(ctx context.Context, name string) (value string, ok bool, err error) {
	s, err := c.look(ctx)
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", name, err)
	}
	value, ok = s.shown[c.node][name]
	return value, ok, nil
}

func formatScore(score int) string {
	switch {
	case score <= -infinity:
		return "-INFINITY"
	case score >= infinity:
		return "INFINITY"
	}
	return strconv.Itoa(score)
}

// Publish sets an attribute of this node and returns when it shows. A private
// attribute must be private from its first write on: Pacemaker fixes it then.
func (c *Cluster) Publish(ctx context.Context, private bool, name, value string) error {
	err := checkValue(value)
	if err == nil {
		err = c.updateAttribute(ctx, private, name, "--update="+value)
	}
	if err == nil {
		err = c.await(ctx, name, value)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	return nil
}

// Hint sets a private attribute of this node without waiting for it to show.
func (c *Cluster) Hint(ctx context.Context, name, value string) error {
	err := checkValue(value)
	if err == nil {
		err = c.updateAttribute(ctx, true, name, "--update="+value)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	return nil
}

// Withdraw removes an attribute of this node and returns when it is gone.
func (c *Cluster) Withdraw(ctx context.Context, private bool, name string) error {
	err := c.updateAttribute(ctx, private, name, "--delete")
	if err == nil {
		err = c.await(ctx, name, "")
	}
	if err != nil {
		return fmt.Errorf("withdraw %s: %w", name, err)
	}
	return nil
}

func (c *Cluster) updateAttribute(ctx context.Context, private bool, name, action string) error {
	args := []string{"--name=" + name, "--node=" + c.node, action}
	if private {
		args = append(args, "--private")
	}
	_, _, err := c.run(ctx, nil, "attrd_updater", args...)
	return err
}

// await polls until this node's attribute has the value; "" is unset. The update
// returns when the local daemon took it, and the daemon shows a value only when
// it came back through the cluster's ordered messages: from then on no node will
// answer with the one before it once it has handled what was sent earlier.
func (c *Cluster) await(ctx context.Context, name, want string) error {
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		got, err := c.value(ctx, name, c.node)
		switch {
		case err != nil:
			return err
		case got == want:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster still shows %s: %w", abbreviate(got), ctx.Err())
		case <-time.After(pause):
		}
	}
}

// value reads an attribute of one node; "" is unset.
func (c *Cluster) value(ctx context.Context, name, node string) (string, error) {
	values, err := c.query(ctx, name, "--node="+node)
	return values[node], err
}

// Collect reads an attribute of all nodes from the local attribute daemon.
func (c *Cluster) Collect(ctx context.Context, name string) (map[string]string, error) {
	values, err := c.query(ctx, name, "--all")
	if err != nil {
		return nil, fmt.Errorf("collect %s: %w", name, err)
	}
	// What was withdrawn is shown as empty (2.1.5).
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })
	return values, nil
}

func (c *Cluster) query(ctx context.Context, name, whose string) (map[string]string, error) {
	unset := []int{exitConfig, exitNoSuch, exitDeviceGone}
	out, code, err := c.run(ctx, unset, "attrd_updater", "--query", "--name="+name, whose, "--output-as=xml")
	if err != nil {
		return nil, err
	}
	if code != 0 {
		return map[string]string{}, nil
	}
	values, err := parseAttributes(out, name)
	if err != nil {
		return nil, fmt.Errorf("attrd_updater: %w", err)
	}
	return values, nil
}

// Permanent reads a permanent attribute of a node.
func (c *Cluster) Permanent(ctx context.Context, node, name string) (value string, ok bool, err error) {
	s, err := c.look(ctx)
	if err != nil {
		return "", false, fmt.Errorf("read attribute %s of %s: %w", name, node, err)
	}
	value, ok = s.permanent[node][name]
	return value, ok, nil
}

// checkValue refuses what does not come back as it was given: bytes the tools
// cannot carry or print, and what Pacemaker reads as arithmetic ("value++" is
// stored as 1, "value+=5" adds). The empty value is how a removed one shows.
func checkValue(value string) error {
	outside := func(r rune) bool { return r < ' ' || r > '~' }
	switch {
	case value == "":
		return errors.New("an empty value cannot be told from none")
	case len("--update=")+len(value) >= maxArgument:
		return fmt.Errorf("a value of %d bytes is too long", len(value))
	case strings.ContainsFunc(value, outside):
		return errors.New("the value is not printable ASCII")
	case slices.ContainsFunc([]string{"++", "+="}, func(s string) bool { return strings.Contains(value, s) }):
		return errors.New("pacemaker would compute a value with ++ or +=")
	}
	return nil
}

// abbreviate quotes a value for an error's text.
func abbreviate(value string) string {
	const most = 60
	switch {
	case value == "":
		return "nothing"
	case len(value) > most:
		value = value[:most] + "..."
	}
	return strconv.Quote(value)
}
