package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// agent carries out one OCF action and answers with its exit code.
func agent(ctx context.Context, action ocf.Action, environ []string, stdout, stderr io.Writer) int {
	switch action {
	case ocf.MetaData:
		// Answered before anything else is touched: it runs as an unprivileged user.
		if err := ocf.WriteMetaData(stdout, version); err != nil {
			return int(ocf.ErrGeneric)
		}
		return int(ocf.Success)
	case ocf.Usage, "help":
		words := make([]string, len(ocf.Actions))
		for i, a := range ocf.Actions {
			words[i] = string(a)
		}
		fmt.Fprintf(stdout, "usage: mysql {%s}\n", strings.Join(words, "|"))
		return int(ocf.Success)
	}
	if !known(action) {
		fmt.Fprintf(stderr, "%s%s\n", exitReasonPrefix(environ), ocf.ExitReason(fmt.Errorf("action %q is not implemented", action)))
		return int(ocf.ErrUnimplemented)
	}
	req, err := ocf.ParseRequest(action, environ)
	if err == nil || action == ocf.Stop || action == ocf.Demote || action == ocf.Monitor {
		// Closing must work with whatever parameters there are; a probe must find what runs.
		err = act(ctx, req, environ, stderr, err)
	}
	if reason := ocf.ExitReason(err); reason != "" {
		fmt.Fprintf(stderr, "%s%s\n", exitReasonPrefix(environ), reason)
	}
	return int(ocf.CodeOf(err))
}

func act(ctx context.Context, req ocf.Request, environ []string, stderr io.Writer, bad error) error {
	w, err := wire(req, environ, stderr)
	if err != nil {
		if req.Action == ocf.ValidateAll {
			return err
		}
		return fmt.Errorf("%s: %w", req.Action, err)
	}
	defer w.close()
	if bad != nil {
		w.agent.Log.Warn("parameter is not valid, its default stands in", "error", bad)
	}
	err = w.agent.Do(ctx)
	if bad != nil && ocf.CodeOf(err) != ocf.Success && ocf.CodeOf(err) != ocf.NotRunning {
		return fmt.Errorf("%w (and %w)", err, bad)
	}
	return err
}

func known(action ocf.Action) bool { return slices.Contains(ocf.Actions, action) }

func exitReasonPrefix(environ []string) string {
	if p := lookup(environ, "OCF_EXIT_REASON_PREFIX"); p != "" {
		return p
	}
	return "ocf-exit-reason:"
}

func lookup(environ []string, key string) string {
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, key+"="); ok {
			return v
		}
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
