package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// logger writes to the journal, and to stderr where that is a terminal or there is
// no journal. Pacemaker copies stderr to its log: on a good day nothing goes there.
func logger(req ocf.Request, environ []string, stderr io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if lookup(environ, "HA_debug") == "1" || lookup(environ, "PCMK_debug") == "1" {
		level = slog.LevelDebug
	}
	var h slog.Handler
	if f, ok := stderr.(*os.File); journal.Enabled() && (!ok || !terminal(f)) {
		h = &journalHandler{level: level, tag: "mysql-ha"}
	} else {
		h = slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})
	}
	return slog.New(h).With("resource", req.Resource, "action", string(req.Action), "node", req.Node)
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// journalHandler sends records to journald, each attribute as a field of its own.
type journalHandler struct {
	level  slog.Level
	tag    string
	fields []slog.Attr
}

func (h *journalHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	vars := map[string]string{"SYSLOG_IDENTIFIER": h.tag}
	words := []string{}
	add := func(a slog.Attr) bool {
		vars["MYSQL_HA_"+strings.ToUpper(strings.ReplaceAll(a.Key, "-", "_"))] = a.Value.String()
		if a.Key != "node" {
			words = append(words, fmt.Sprintf("%s=%q", a.Key, a.Value.String()))
		}
		return true
	}
	for _, a := range h.fields {
		add(a)
	}
	r.Attrs(add)
	return journal.Send(r.Message+" "+strings.Join(words, " "), priority(r.Level), vars)
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.fields = append(append([]slog.Attr{}, h.fields...), attrs...)
	return &n
}

// WithGroup is not used here: fields are flat in the journal.
func (h *journalHandler) WithGroup(string) slog.Handler { return h }

func priority(l slog.Level) journal.Priority {
	switch {
	case l >= slog.LevelError:
		return journal.PriErr
	case l >= slog.LevelWarn:
		return journal.PriWarning
	case l >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
