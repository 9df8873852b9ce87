package ocf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, Success},
		{errors.New("x"), ErrGeneric},
		{fail(NotRunning, nil, "x"), NotRunning},
		{fmt.Errorf("promote: %w", fail(ErrPerm, fs.ErrPermission, "datadir")), ErrPerm},
		{errors.Join(errors.New("score"), fail(NotRunning, nil, "x")), NotRunning},
		{&Failure{Code: RunningPromoted}, RunningPromoted},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

func TestFailureReadsAsOneSentence(t *testing.T) {
	cause := errors.New("access denied (1045)")
	for _, c := range []struct {
		f    *Failure
		want string
	}{
		{fail(ErrGeneric, cause, "follow %s", "db2"), "follow db2: access denied (1045)"},
		{fail(ErrGeneric, nil, "refused"), "refused"},
		{&Failure{Err: cause}, "access denied (1045)"},
	} {
		if got := c.f.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if !errors.Is(fail(ErrGeneric, cause, "x"), cause) {
		t.Error("the cause is lost")
	}
}

// States have no reason: Pacemaker would show one as a failure's. What is degraded
// it lists among the failures in any case, and an operator wants to know why.
func TestExitReasonOfStates(t *testing.T) {
	for _, code := range []Code{RunningPromoted, NotRunning} {
		if r := ExitReason(fail(code, nil, "text")); r != "" {
			t.Errorf("code %d: %q", code, r)
		}
	}
	if r := ExitReason(nil); r != "" {
		t.Errorf("success: %q", r)
	}
	for _, code := range []Code{Success, Degraded, DegradedPromoted} {
		if r := ExitReason(fail(code, nil, "text")); r != "text" {
			t.Errorf("code %d: %q", code, r)
		}
	}
	if r := ExitReason(nil); r != "" {
		t.Errorf("success: %q", r)
	}
}

func TestExitReason(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("two\nlines\r\tof text"), "two lines  of text"},
		{errors.New("käse \x1b[31m"), "k?se ?[31m"},
		{fmt.Errorf("observe: %w", context.DeadlineExceeded), "observe: context deadline exceeded"},
		{fail(ErrGeneric, late{}, "catch up"), "catch up: too late: deadline passed"},
		{errors.New(strings.Repeat("x", 128)), strings.Repeat("x", 128)},
		{errors.New(strings.Repeat("x", 129)), strings.Repeat("x", 125) + "..."},
		{errors.New(strings.Repeat("ü", 200)), strings.Repeat("?", 125) + "..."},
	} {
		got := ExitReason(c.err)
		if got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if len(got) > reasonLimit {
			t.Errorf("%d bytes", len(got))
		}
	}
}

// late is a deadline that does not say so.
type late struct{}

func (late) Error() string        { return "too late" }
func (late) Is(target error) bool { return target == context.DeadlineExceeded }
