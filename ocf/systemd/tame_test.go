package systemd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	godbus "github.com/godbus/dbus/v5"
)

// fakeManager has one service with one process.
type fakeManager struct {
	unit    string
	main    int
	reloads int
	err     error
	nobody  error
}

func (f *fakeManager) GetUnitNameByPID(context.Context, uint32) (string, error) {
	return f.unit, f.nobody
}

func (f *fakeManager) GetAllPropertiesContext(context.Context, string) (map[string]any, error) {
	return map[string]any{"MainPID": uint32(f.main)}, nil
}

func (f *fakeManager) ReloadContext(context.Context) error { f.reloads++; return f.err }

func TestTame(t *testing.T) {
	dirs := t.TempDir()
	file := filepath.Join(dirs, "mariadb.service.d", "90-mysql-ha.conf")

	// A service that only happens to have started it, as Pacemaker's, is left alone.
	for _, f := range []*fakeManager{{unit: "pacemaker.service", main: 1}, {unit: "session-3.scope", main: 7}} {
		if main, err := tame(t.Context(), f, dirs, []int{7}); main != 0 || err != nil || f.reloads != 0 {
			t.Errorf("%s: %d, %v", f.unit, main, err)
		}
	}
	f := &fakeManager{nobody: godbus.Error{Name: "org.freedesktop.systemd1.NoUnitForPID"}}
	if main, err := tame(t.Context(), f, dirs, []int{7}); main != 0 || err != nil {
		t.Errorf("of no unit: %d, %v", main, err)
	}
	f.nobody = errors.New("no reply")
	if _, err := tame(t.Context(), f, dirs, []int{7}); err == nil {
		t.Error("no answer is not no unit")
	}
	// What is not in force is not kept.
	f = &fakeManager{unit: "mariadb.service", main: 7, err: errors.New("no reply")}
	if _, err := tame(t.Context(), f, dirs, []int{7}); err == nil {
		t.Error("a reload that failed")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the drop-in is there")
	}
	f.err, f.reloads = nil, 0
	for range 2 {
		if main, err := tame(t.Context(), f, dirs, []int{8, 7}); main != 7 || err != nil {
			t.Errorf("%d, %v", main, err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "\nRestart=no\n") || f.reloads != 1 {
		t.Errorf("after %d reloads: %s, %v", f.reloads, text, err)
	}
}
