package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Epochs reads our table, oldest first; no table reads as none.
func (s *Server) Epochs(ctx context.Context) ([]Epoch, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return nil, err
	}
	epochs, err := on.epochs(ctx)
	if isNumber(err, erNoSuchTable) || isNumber(err, erBadDatabase) {
		return nil, nil
	}
	return epochs, err
}

func (s session) epochs(ctx context.Context) ([]Epoch, error) {
	rows, err := s.ask(ctx, say("SELECT epoch, primary_node, domain, server, seq, start, record FROM "+home+".epoch ORDER BY epoch"))
	if err != nil {
		return nil, err
	}
	epochs := make([]Epoch, 0, len(rows))
	for _, row := range rows {
		r := reader{row: row}
		e := Epoch{
			Epoch:   r.number("epoch", 64),
			Primary: r.text("primary_node"),
			Marker: gtid.Entry{
				Domain: uint32(r.number("domain", 32)),
				Server: uint32(r.number("server", 32)),
				Seq:    r.number("seq", 64),
			},
			Record: r.text("record"),
		}
		start, err := gtid.Parse(r.text("start"))
		if err != nil {
			r.fail("start", err)
		}
		e.Start = start
		if r.err != nil {
			return nil, fmt.Errorf("epoch %d: %w", e.Epoch, r.err)
		}
		epochs = append(epochs, e)
	}
	return epochs, nil
}

// Mark writes the epoch's row as the first transaction of the epoch, with a
// sequence number above every one in seen, and returns the row as written. An
// empty Start is what is executed before it. Where commits wait for an
// acknowledgement the marker does, too, like any client's: Mark returns when it is in
// the binary log and waits; it is not in the table until it is acknowledged. A row of
// that epoch in the table with the same content is returned as it is; another
// content, or a later epoch, is an error.
//
// The server stays closed to ordinary clients. On MySQL the marker has no number
// (it is zero, and seen is of no use), and super_read_only is off while the row
// is written (see lifted) and as long as it waits: raising it would wait, too.
func (s *Server) Mark(ctx context.Context, e Epoch, seen gtid.Set) (Epoch, error) {
	var written Epoch
	// Not bare apart: an early return would leave a sequence number behind.
	err := s.apart(ctx, func(d dialect) []statement { return d.patient(lockWait) }, func(on session) error {
		epochs, err := on.epochs(ctx)
		if err != nil {
			return err
		}
		for _, have := range epochs {
			switch {
			case have.Epoch > e.Epoch:
				return fmt.Errorf("epoch %d is there already, of %s", have.Epoch, have.Primary)
			case have.Epoch == e.Epoch:
				written = have
				return e.same(have)
			}
		}
		answer, err := on.askOne(ctx, on.d.marking())
		if err != nil {
			return err
		}
		next, executed, err := on.d.marker(answer, seen)
		if err != nil {
			return err
		}
		written, written.Marker = e, next
		switch {
		case e.Start.Empty():
			written.Start = executed
		case !e.Start.Contains(executed):
			return fmt.Errorf("executed %v is not in the epoch's start", executed.Subtract(e.Start))
		}
		return s.lifted(ctx, on, func() error { return s.unheld(ctx, on, written) })
	})
	if err != nil && !errors.Is(err, errWaits) {
		return Epoch{}, err
	}
	return written, nil
}

// errWaits is a commit that is in the binary log and waits for an acknowledgement.
var errWaits = errors.New("waits for an acknowledgement")

// unheld writes the row and does not wait for its acknowledgement (errWaits): the
// connection is given up, and the server goes on without it.
func (s *Server) unheld(ctx context.Context, on session, e Epoch) error {
	look, err := s.plain(ctx)
	if err != nil {
		return err
	}
	id, err := on.connection(ctx)
	if err != nil {
		return err
	}
	inner, giveUp := context.WithCancel(ctx)
	defer giveUp()
	result := make(chan error, 1)
	go func() { result <- on.write(inner, e) }()
	waits := false
	err = until(ctx, "the marker to be written", func() (bool, error) {
		select {
		case err := <-result:
			result <- err
			return true, nil
		default:
		}
		all, err := look.everyone(ctx)
		waits = slices.ContainsFunc(all, func(c client) bool { return c.ID == id && c.Waits })
		return waits, err
	})
	giveUp()
	switch wrote := <-result; {
	case wrote == nil: // acknowledged in the meantime
		return nil
	case err == nil && waits:
		return look.began(ctx, e)
	case err == nil:
		return wrote
	}
	return err
}

// began is errWaits where the marker that waits is the one announced. MySQL's has no
// name, and does not count as executed yet.
func (s session) began(ctx context.Context, e Epoch) error {
	executed, _, err := s.position(ctx)
	if err == nil && e.Marker != (gtid.Entry{}) && !executed.Contains(gtid.FromEntries([]gtid.Entry{e.Marker})) {
		err = fmt.Errorf("the marker is not %s", e.Marker)
	}
	if err != nil {
		return err
	}
	return errWaits
}

// connection is the server's number of this session.
func (s session) connection(ctx context.Context) (int64, error) {
	r, err := s.askOne(ctx, say("SELECT CONNECTION_ID() AS id"))
	if err != nil {
		return 0, err
	}
	in := reader{row: r}
	return int64(in.number("id", 63)), in.err
}

// same reports how the row that is there differs from e.
func (e Epoch) same(have Epoch) error {
	if have.Primary != e.Primary || have.Record != e.Record || !e.Start.Empty() && !e.Start.Equal(have.Start) {
		return fmt.Errorf("epoch %d is there already with other content, of %s", have.Epoch, have.Primary)
	}
	return nil
}

func (s session) write(ctx context.Context, e Epoch) error {
	if err := s.do(ctx, s.d.mark(e.Marker)...); err != nil {
		return err
	}
	err := s.do(ctx, say("INSERT INTO "+home+".epoch (epoch, primary_node, domain, server, seq, start, record) VALUES (?, ?, ?, ?, ?, ?, ?)",
		e.Epoch, e.Primary, e.Marker.Domain, e.Marker.Server, e.Marker.Seq, e.Start.String(), e.Record))
	if err != nil {
		return err
	}
	r, err := s.askOne(ctx, s.d.marked())
	if err != nil {
		return err
	}
	return s.d.written(r, e)
}
