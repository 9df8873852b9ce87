package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Options asks the server's binary what its configuration files set, and what it
// knows at all. Nothing is started.
type Options struct{}

var _ ocf.Options = Options{}

// Configured returns the options of config, as `mysqld --print-defaults` reads
// them: names with underscores, an option without a value as "".
func (Options) Configured(ctx context.Context, binary, config string) (map[string]string, error) {
	out, err := ask(ctx, binary, "--defaults-file="+config, "--print-defaults")
	if err != nil {
		return nil, fmt.Errorf("%s --print-defaults: %w", binary, err)
	}
	return parseOptions(out), nil
}

// semisyncFiles are the plugins' under all their names; the binary knows their
// options only when it has loaded them, and passes over a file that is not there.
var semisyncFiles = []string{"semisync_source.so", "semisync_replica.so", "semisync_master.so", "semisync_slave.so"}

// Known returns the options in the help text's table. 40 ms (tried: MariaDB 10.11,
// MySQL 9.7), so that it is asked at each start and kept nowhere.
func (Options) Known(ctx context.Context, binary string, set map[string]string) (map[string]string, error) {
	// Without a data directory nothing of the server's can be touched.
	args := []string{"--no-defaults", "--datadir=/nonexistent"}
	for option, name := range map[string]string{"--basedir=": "basedir", "--plugin-dir=": "plugin_dir"} {
		if v := set[name]; v != "" {
			args = append(args, option+v)
		}
	}
	for _, file := range semisyncFiles {
		args = append(args, "--plugin-load-add="+file)
	}
	out, err := ask(ctx, binary, append(args, "--verbose", "--help")...)
	if err != nil {
		return nil, fmt.Errorf("%s --help: %w", binary, err)
	}
	known := parseHelp(out)
	if len(known) == 0 {
		return nil, fmt.Errorf("%s --help: no options in the answer", binary)
	}
	return known, nil
}

func ask(ctx context.Context, binary string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.WaitDelay = time.Second // a wrapper's children may hold the pipe
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && !ended.Exited() {
		return "", fmt.Errorf("%w: %w", ocf.ErrInterrupted, err)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, lastLine(stderr.String()))
	}
	return string(out), nil
}

// lastLine is where a server says why it gives up; warnings come before it.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// parseOptions reads the answer: a sentence, then the options on one line. A word
// that begins no option belongs to the value before it.
func parseOptions(text string) map[string]string {
	set := map[string]string{}
	last := ""
	for word := range strings.FieldsSeq(text) {
		if option, ok := strings.CutPrefix(word, "--"); ok {
			name, value, _ := strings.Cut(option, "=")
			last = ocf.OptionName(name)
			set[last] = value
		} else if last != "" {
			set[last] += " " + word
		}
	}
	return set
}

// parseHelp reads the table at the help text's end: between a line of dashes and an
// empty one, a name and its value.
func parseHelp(text string) map[string]string {
	known := map[string]string{}
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n")
		switch {
		case strings.HasPrefix(line, "----"):
			inside = true
		case inside && line == "":
			return known
		case inside:
			name, value, _ := strings.Cut(line, " ")
			known[ocf.OptionName(name)] = strings.TrimSpace(value)
		}
	}
	return known
}

// persistedFile is MySQL's, of SET PERSIST.
const persistedFile = "mysqld-auto.cnf"

// Persisted reads it. What the server calls sensitive is not told: it must not come
// to be an argument.
func (Options) Persisted(datadir string) (map[string]string, error) {
	path := filepath.Join(datadir, persistedFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	set, err := parsePersisted(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return set, nil
}

func parsePersisted(text []byte) (map[string]string, error) {
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	set := map[string]string{}
	collect(tree, set)
	return set, nil
}

// collect finds the variables at whatever depth: version 1 of the file has the
// static ones one level below the others, version 2 has a group of each kind.
func collect(tree map[string]any, set map[string]string) {
	// In order, so that of two spellings of a name it is not chance that decides.
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		node, ok := tree[name].(map[string]any)
		if !ok || strings.Contains(name, "sensitive") {
			continue
		}
		if value, ok := node["Value"].(string); ok {
			set[ocf.OptionName(name)] = value
			continue
		}
		collect(node, set)
	}
}
