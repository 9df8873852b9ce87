package lab

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// Address is the virtual IP as it is configured, without its prefix length.
func (l *Lab) Address() string {
	address, _, _ := strings.Cut(l.Moved, "/")
	if address == "" {
		return VirtualIP
	}
	return address
}

// HoldsAddress says whether one of the node's interfaces has the virtual IP.
func (l *Lab) HoldsAddress(ctx context.Context, node string) (bool, error) {
	if !l.IsOn(node) {
		return false, nil
	}
	out, _, err := run(ctx, os.Environ(), "ip", "-n", netns(node), "-o", "addr", "show")
	return strings.Contains(out, " "+l.Address()+"/"), err
}

// AwaitNeighbour waits until the client believes the virtual IP to be at the node.
func (l *Lab) AwaitNeighbour(ctx context.Context, node string, timeout time.Duration) error {
	return poll(ctx, timeout, 50*time.Millisecond, func(ctx context.Context) error {
		own, _, err := run(ctx, os.Environ(), "ip", "-n", netns(node), "-br", "link", "show")
		if err != nil {
			return err
		}
		out, _, err := run(ctx, os.Environ(), "ip", "-n", netns(clientNS), "neigh", "show", "to", l.Address())
		if err != nil {
			return err
		}
		_, mac, _ := strings.Cut(out, "lladdr ")
		mac, _, _ = strings.Cut(mac, " ")
		if mac == "" || !strings.Contains(own, mac) {
			return fmt.Errorf("the client has %s at %q, and %s is %q", l.Address(), strings.TrimSpace(out), node, own)
		}
		return nil
	})
}
