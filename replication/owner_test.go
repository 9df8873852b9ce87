package replication

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOwner: nothing is said to a process that is not the server that is meant.
func TestOwner(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan int, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			n, _ := c.Read(make([]byte, 1)) // the end of the connection
			heard <- n
			_ = c.Close()
		}
	}()
	for _, c := range []struct {
		name string
		err  error
	}{
		{"another", errors.New("another server")},
		// It is not known whose it is: that is not the same as nobody there.
		{"unknown", context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked int
			s, err := Open(Config{Socket: socket, Owner: func(_ context.Context, pid int) error { asked = pid; return c.err }})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.Ping(t.Context())
			if err == nil || errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), c.err.Error()) {
				t.Errorf("%v", err)
			}
			if asked != os.Getpid() {
				t.Errorf("the listener is %d, said to be %d", os.Getpid(), asked)
			}
			if n := <-heard; n != 0 {
				t.Error("something was said")
			}
		})
	}
}
