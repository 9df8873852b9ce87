package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// FreezeServer stops the database server's process; it keeps all it has.
func (s *Story) FreezeServer(ctx context.Context, node string) error {
	return s.signal(ctx, node, "-STOP")
}

// ThawServer lets it go on; nothing happens where it was killed meanwhile.
func (s *Story) ThawServer(ctx context.Context, node string) error {
	if _, err := s.ServerPID(ctx, node); err != nil {
		return nil
	}
	return s.signal(ctx, node, "-CONT")
}

func (s *Story) signal(ctx context.Context, node, signal string) error {
	_, _, err := s.Exec(ctx, node, append([]string{"pkill", signal}, s.System.facts().process...)...)
	return err
}

// FreezeNode stops every process of a node at one instant, as when its hypervisor
// stalls. Its cable is out for as long: the kernel, which is the host's, would go on
// answering for its addresses.
func (l *Lab) FreezeNode(ctx context.Context, node string) error {
	if !l.IsOn(node) {
		return fmt.Errorf("node %s is off", node)
	}
	if err := l.Cut(ctx, node); err != nil {
		return err
	}
	if err := os.WriteFile(freezer(node), []byte("1"), 0); err != nil {
		return err
	}
	return poll(ctx, 10*time.Second, 20*time.Millisecond, func(context.Context) error {
		b, err := os.ReadFile(filepath.Join(cgroupDir(node), "cgroup.events"))
		if err == nil && !strings.Contains(string(b), "frozen 1") {
			err = errors.New("it is not frozen yet")
		}
		return err
	})
}

// ThawNode lets a frozen node go on, with its network.
func (l *Lab) ThawNode(ctx context.Context, node string) error {
	if !frozen(node) {
		return nil
	}
	return errors.Join(l.attach(ctx, node), os.WriteFile(freezer(node), []byte("0"), 0))
}

func freezer(node string) string { return filepath.Join(cgroupDir(node), "cgroup.freeze") }

// frozen says whether FreezeNode was the last word.
func frozen(node string) bool {
	b, err := os.ReadFile(freezer(node))
	return err == nil && strings.TrimSpace(string(b)) == "1"
}
