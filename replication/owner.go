package replication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// ownerDial connects to a Unix socket where owner agrees to the process that listens
// there, before a word is said: a socket's path may by now be another server's, which
// a stop or a demote would close.
func ownerDial(owner func(ctx context.Context, pid int) error, timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		pid, err := listener(conn.(*net.UnixConn))
		if err == nil {
			err = owner(ctx, pid)
		}
		if err != nil {
			_ = conn.Close() // nothing was said
			// Not wrapped: that this could not be told in time is not "does not answer".
			return nil, errors.New(addr + ": " + err.Error())
		}
		return conn, nil
	}
}

// listener is the process that called listen(2) (unix(7), SO_PEERCRED).
func listener(conn *net.UnixConn) (pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	if e := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); e != nil {
		return 0, e
	}
	if err != nil {
		return 0, fmt.Errorf("SO_PEERCRED: %w", err)
	}
	return int(cred.Pid), nil
}
