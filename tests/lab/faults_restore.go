package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// dataDir is where a node's server has its data; the resource's default.
const dataDir = "/var/lib/mysql"

// identity are the files in it that a copy for another node must not have: the id by
// which the agent knows the data, and MySQL's server's own.
var identity = []string{"mysql-ha.id", "auto.cnf"}

func copyOf(node string) string { return filepath.Join(stateDir, "copies", node) }

// CopyData keeps a copy of a stopped node's data, in place of an earlier one.
func (l *Lab) CopyData(ctx context.Context, node string) error {
	nd, err := l.stopped(ctx, node)
	if err != nil {
		return err
	}
	to := copyOf(node)
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(filepath.Dir(to), 0o755)); err != nil {
		return err
	}
	return host(ctx, "cp", "-a", nd.root()+dataDir, to)
}

// RestoreData puts the copy that was made of a node in place of the data of a stopped
// one: as it is where it is that node's own, otherwise as a backup that many nodes are
// given.
func (l *Lab) RestoreData(ctx context.Context, node, from string) error {
	nd, err := l.stopped(ctx, node)
	if err != nil {
		return err
	}
	data := nd.root() + dataDir
	if err := host(ctx, "find", data, "-mindepth", "1", "-delete"); err != nil {
		return err
	}
	if err := host(ctx, "cp", "-a", copyOf(from)+"/.", data); err != nil {
		return err
	}
	if from == node {
		return nil
	}
	for _, name := range identity {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// stopped is a node on which no server runs.
func (l *Lab) stopped(ctx context.Context, node string) (Node, error) {
	nd, err := l.Node(node)
	if err != nil {
		return nd, err
	}
	if pid, err := l.ServerPID(ctx, node); err == nil {
		return nd, fmt.Errorf("the server of %s runs: %s", node, pid)
	}
	return nd, ctx.Err() // what could not be asked is not known
}
