package process

import (
	"errors"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// notifySocket is the supervisor's end of sd_notify(3).
type notifySocket struct{ conn *net.UnixConn }

// said is of a notification what is used.
type said struct {
	ready, stopping bool
	status          string
}

// listen makes the socket, for the owner alone: anybody else could say "ready".
func listen(path string, owner *syscall.Credential) (*notifySocket, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	err = os.Chmod(path, 0o600)
	if err == nil && owner != nil {
		err = os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &notifySocket{conn}, nil
}

func (n *notifySocket) receive() (said, error) {
	buf := make([]byte, 4096)
	size, err := n.conn.Read(buf)
	if err != nil {
		return said{}, err
	}
	return parseNotification(string(buf[:size])), nil
}

func (n *notifySocket) close() { _ = n.conn.Close() }

// parseNotification reads lines of "NAME=value"; later ones count.
func parseNotification(text string) said {
	var s said
	for line := range strings.Lines(text) {
		switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "="); name {
		case "READY":
			s.ready = value == "1"
		case "STOPPING":
			s.stopping = value == "1"
		case "STATUS":
			s.status = value
		}
	}
	return s
}

// lookUp finds the user, with its groups; nil, for no change, where none is named.
func lookUp(name, group string) (*syscall.Credential, error) {
	if name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	gid := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return nil, err
		}
		gid = g.Gid
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	numbers := make([]uint32, 0, len(groups)+2)
	for _, text := range append([]string{u.Uid, gid}, groups...) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, uint32(n))
	}
	return &syscall.Credential{Uid: numbers[0], Gid: numbers[1], Groups: numbers[2:]}, nil
}
