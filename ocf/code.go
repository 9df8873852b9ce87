package ocf

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code is an OCF exit code (OCF resource agent API 1.1, Pacemaker's results.h).
type Code int

const (
	Success          Code = 0
	ErrGeneric       Code = 1
	ErrArgs          Code = 2 // invalid on this node: bans it
	ErrUnimplemented Code = 3
	ErrPerm          Code = 4
	ErrInstalled     Code = 5
	ErrConfigured    Code = 6 // invalid everywhere: stops the resource on all nodes
	NotRunning       Code = 7
	RunningPromoted  Code = 8
	FailedPromoted   Code = 9
	Degraded         Code = 190
	DegradedPromoted Code = 191
)

// Failure is an outcome other than success, with the reason the operator reads.
type Failure struct {
	Code   Code
	Reason string
	Err    error
}

func (f *Failure) Error() string {
	switch {
	case f.Err == nil:
		return f.Reason
	case f.Reason == "":
		return f.Err.Error()
	}
	return f.Reason + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

func fail(code Code, err error, format string, args ...any) *Failure {
	return &Failure{Code: code, Reason: fmt.Sprintf(format, args...), Err: err}
}

// CodeOf is the one table from error to exit code.
func CodeOf(err error) Code {
	if err == nil {
		return Success
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Code
	}
	return ErrGeneric
}

// reasonLimit is what Pacemaker keeps of an exit reason, in bytes.
const reasonLimit = 128

// ExitReason is the line for the cluster: one line of ASCII, cut to what
// Pacemaker keeps; empty where the outcome is a state that needs no word. What
// succeeded may have one: a promotion without proof.
func ExitReason(err error) string {
	switch CodeOf(err) {
	case RunningPromoted, NotRunning:
		return ""
	}
	if err == nil {
		return ""
	}
	text := err.Error()
	if errors.Is(err, context.DeadlineExceeded) && !strings.Contains(text, "deadline") {
		text += ": deadline passed"
	}
	return oneLine(text, reasonLimit)
}

func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case r < 0x20, r > 0x7e:
			return '?'
		}
		return r
	}, s)
	if len(s) > limit {
		s = s[:limit-3] + "..."
	}
	return s
}
