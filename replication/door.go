package replication

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// crowded is how much of max_connections, in percent, may be taken.
	crowded = 75
	// reserve is how many connections there are beyond max_connections while clients are
	// turned away: replicas are clients like others to that limit, and whoever came before
	// the door was closed may have left none. The servers keep one more for administrators,
	// by which we come in ourselves.
	reserve = 20
	// mostConnections is the servers' own limit.
	mostConnections = 100000
)

// Clients are turned away by init_connect, which runs for everyone without
// CONNECTION ADMIN: exact at any number of connections (max_connections cannot
// go below 10), and it lets replication accounts in, which receivers and peers
// need. What it and max_connections were before is kept inside, so that another
// process can give them back; a restart does so, too.
const (
	doorMark  = "/* mysql-ha turns clients away; before: "
	limitMark = "connections "
)

// door is what decides who comes in.
type door struct {
	closed bool
	init   string // init_connect, as it is when open
	limit  int    // max_connections, as it is when open
	now    int    // max_connections
}

func doorState() statement {
	return say("SELECT @@global.init_connect AS init_connect, @@global.max_connections AS max_connections")
}

func doorOf(answer row) (door, error) {
	r := reader{row: answer}
	d := door{init: r.text("init_connect"), now: r.int("max_connections")}
	d.limit = d.now
	kept, closed := strings.CutPrefix(d.init, doorMark)
	if r.err != nil || !closed {
		return d, r.err
	}
	d.closed = true
	kept, _, ok := strings.Cut(kept, " */")
	kept, limit, _ := strings.Cut(kept, " ")
	before, err := hex.DecodeString(kept)
	if !ok || err != nil {
		return d, errors.New("init_connect: what it was before cannot be read")
	}
	d.init = string(before)
	if n, err := strconv.Atoi(strings.TrimPrefix(limit, limitMark)); err == nil && d.now == raised(n) {
		d.limit = n // else somebody has set it since, and it is theirs
	}
	return d, nil
}

// raised is max_connections with the reserve.
func raised(limit int) int { return max(limit, min(limit+reserve, mostConnections)) }

// change closes or opens it; turn ends whoever may not come in.
func (d door) change(want bool, turn string) statement {
	const set = "SET GLOBAL init_connect = ?, max_connections = ?"
	if !want {
		return say(set, d.init, d.limit)
	}
	text := fmt.Sprintf("%s%s %s%d */ %s", doorMark, hex.EncodeToString([]byte(d.init)), limitMark, d.limit, turn)
	return say(set, text, raised(d.limit))
}

// Refuse turns new client connections away, and makes room for those that it lets in;
// clients that are there, replication accounts and administrators are not concerned.
// What the server's settings were before is kept in the server, for Admit.
func (s *Server) Refuse(ctx context.Context) error { return s.setDoor(ctx, true) }

// Admit lets clients in again, also when another process refused them. It does
// nothing where nobody did.
func (s *Server) Admit(ctx context.Context) error { return s.setDoor(ctx, false) }

func (s *Server) setDoor(ctx context.Context, want bool) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	d, err := on.door(ctx)
	switch {
	case d.closed && want:
		return nil // also where what is kept in it cannot be read
	case err != nil || d.closed == want:
		return err
	}
	if err := on.do(ctx, d.change(want, on.d.turn())); err != nil {
		return err
	}
	if d, err = on.door(ctx); err == nil && d.closed != want {
		err = errors.New("the server did not take the setting")
	}
	return err
}

func (s session) door(ctx context.Context) (door, error) {
	answer, err := s.askOne(ctx, doorState())
	if err != nil {
		return door{}, err
	}
	return doorOf(answer)
}

// Crowded tells whether few more clients can connect, the reserve apart.
func (s *Server) Crowded(ctx context.Context) (bool, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return false, err
	}
	d, err := on.door(ctx)
	if err != nil {
		return false, err
	}
	taken, err := on.askOne(ctx, say("SHOW GLOBAL STATUS LIKE 'Threads_connected'"))
	if err != nil {
		return false, fmt.Errorf("connections: %w", err)
	}
	r := reader{row: taken}
	return r.int("Value")*100 >= d.limit*crowded, r.err
}
