package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

var tokenLine = regexp.MustCompile(`(?m)^  token: \d+$`)

// SetToken changes how long Corosync waits for a node, on the running cluster.
func (l *Lab) SetToken(ctx context.Context, token time.Duration) error {
	for _, nd := range l.Nodes {
		path := filepath.Join(nd.root(), "etc/corosync/corosync.conf")
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b = tokenLine.ReplaceAll(b, fmt.Appendf(nil, "  token: %d", token.Milliseconds()))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return err
		}
	}
	on := l.On()
	if len(on) == 0 {
		return nil
	}
	_, _, err := l.Exec(ctx, on[0], "corosync-cfgtool", "-R")
	return err
}
