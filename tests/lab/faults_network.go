package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// faultTable is nftables' table in the switch's namespace. It sees every frame that
// goes from one port to another, goes by the port's name, and so also meets a node
// that comes back from a loss of power.
const faultTable = "faults"

// filter adds rules for frames that the switch passes on.
func filter(ctx context.Context, rules ...string) error {
	b := "add table bridge " + faultTable + "\n" +
		"add chain bridge " + faultTable + " forward { type filter hook forward priority 0; }\n"
	for _, rule := range rules {
		b += "add rule bridge " + faultTable + " forward " + rule + "\n"
	}
	return host(ctx, "ip", "netns", "exec", lan, "nft", b)
}

// unfilter removes all rules.
func unfilter(ctx context.Context) error {
	return host(ctx, "ip", "netns", "exec", lan, "nft",
		fmt.Sprintf("add table bridge %[1]s; delete table bridge %[1]s", faultTable))
}

func ports(names []string) string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, fmt.Sprintf("%q", port(name)))
	}
	return "{ " + strings.Join(quoted, ", ") + " }"
}

// Split lets nobody of one group reach anybody of another. Who is in no group, such
// as the client, reaches all.
func (l *Lab) Split(ctx context.Context, groups ...[]string) error {
	if len(groups) < 2 {
		return errors.New("a split has at least two sides")
	}
	var rules []string
	for i, group := range groups {
		others := slices.Concat(slices.Concat(groups[:i]...), slices.Concat(groups[i+1:]...))
		rules = append(rules, fmt.Sprintf("iifname %s oifname %s drop", ports(group), ports(others)))
	}
	return filter(ctx, rules...)
}

// Deafen drops what the others send to a node; what it sends itself arrives.
func (l *Lab) Deafen(ctx context.Context, node string, to ...string) error {
	return filter(ctx, fmt.Sprintf("iifname %s oifname %q drop", ports(to), port(node)))
}

// Lose drops that share, in percent, of all frames that these nodes send.
func (l *Lab) Lose(ctx context.Context, percent int, nodes ...string) error {
	if percent < 1 || percent > 100 {
		return fmt.Errorf("%d %% cannot be lost", percent)
	}
	return filter(ctx, fmt.Sprintf("iifname %s numgen random mod 100 < %d drop", ports(nodes), percent))
}
