package ledger

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBoot(t *testing.T) {
	id, since := Clock{}.Boot()
	if strings.HasPrefix(id, "unknown") || !strings.Contains(id, ":") || since <= 0 {
		t.Errorf("Boot = %q, %v", id, since)
	}
	Clock{}.Sleep(10 * time.Millisecond)
	again, later := Clock{}.Boot()
	if again != id || later-since < 10*time.Millisecond {
		t.Errorf("then Boot = %q, %v", again, later)
	}
}

func TestContainerStartedAgainIsAnotherBoot(t *testing.T) {
	proc := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const stat = "1 (a) b) (c) S 0 1 1 0 -1 4194560 2 3 4 5 6 7 8 9 20 0 1 0 "
	write("sys/kernel/random/boot_id", "b0072c7e\n")
	write("1/stat", stat+"77 24 25\n")
	if id, err := bootID(proc); id != "b0072c7e:77" || err != nil {
		t.Errorf("bootID = %q, %v", id, err)
	}
	write("1/stat", stat+"99 24 25\n")
	if id, err := bootID(proc); id != "b0072c7e:99" || err != nil {
		t.Errorf("bootID = %q, %v", id, err)
	}
	for _, broken := range []string{"", "1 (a", stat, "1 (a) S 0 1 1 0 -1 4194560 2 3 4 5 6 7 8 9 20 0 1 0 x 24"} {
		write("1/stat", broken)
		if id, err := bootID(proc); err == nil {
			t.Errorf("bootID of %q = %q", broken, id)
		}
	}
}
