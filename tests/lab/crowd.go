package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// crowd are connections through the virtual IP that do nothing.
type crowd struct {
	db    *sql.DB
	conns []*sql.Conn
}

// Crowd opens n idle connections through the virtual IP, in place of those before, and
// returns how many the server accepted. Zero closes them.
func (s *Story) Crowd(ctx context.Context, n int) (int, error) {
	s.disperse()
	if n == 0 {
		return 0, nil
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = benchUser, benchPassword
	cfg.Net, cfg.Addr = "tcp", fmt.Sprintf("%s:%d", VirtualIP, BasePort)
	cfg.DialFunc = DialFrom(clientNS)
	cfg.Timeout = 10 * time.Second
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return 0, err
	}
	s.crowd = &crowd{db: sql.OpenDB(connector)}
	conns := make([]*sql.Conn, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	free := make(chan struct{}, 20) // how many dial at once
	for i := range n {
		free <- struct{}{}
		wg.Go(func() {
			conns[i], errs[i] = s.crowd.db.Conn(ctx)
			<-free
		})
	}
	wg.Wait()
	for _, c := range conns {
		if c != nil {
			s.crowd.conns = append(s.crowd.conns, c)
		}
	}
	if len(s.crowd.conns) == 0 {
		return 0, errors.Join(errs...)
	}
	return len(s.crowd.conns), nil
}

// disperse closes all idle connections.
func (s *Story) disperse() {
	if s.crowd == nil {
		return
	}
	var wg sync.WaitGroup
	for _, c := range s.crowd.conns {
		wg.Go(func() { _ = c.Close() }) // its server may have ended it
	}
	wg.Wait()
	_ = s.crowd.db.Close()
	s.crowd = nil
}

// SwitchOver moves the role n times, from replica to replica, without waiting for
// more than health in between.
func (s *Story) SwitchOver(ctx context.Context, n int, timeout time.Duration) error {
	for i := range n {
		to, err := s.Resolve(ctx, "replica1")
		if err == nil {
			err = s.Move(ctx, to)
		}
		if err == nil {
			_, err = s.AwaitPrimary(ctx, timeout, func(node string) error {
				if node != to {
					return fmt.Errorf("the primary is %s, want %s", node, to)
				}
				return nil
			})
		}
		if err == nil {
			err = s.Clear(ctx)
		}
		if err == nil {
			err = s.AwaitHealthy(ctx, timeout)
		}
		if err != nil {
			return fmt.Errorf("switchover %d to %s: %w", i+1, to, err)
		}
	}
	return nil
}
