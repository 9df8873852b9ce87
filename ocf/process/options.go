package process

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Options asks the server's binary what its configuration files set.
type Options struct{}

// Configured returns the options of config, as `mysqld --print-defaults` reads
// them: names with underscores, an option without a value as "". Nothing is started.
func (Options) Configured(ctx context.Context, binary, config string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "--defaults-file="+config, "--print-defaults")
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s --print-defaults: %w: %s", binary, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return parseOptions(string(out)), nil
}

// parseOptions reads the answer: a sentence, then the options on one line. A word
// that begins no option belongs to the value before it.
func parseOptions(text string) map[string]string {
	set := map[string]string{}
	last := ""
	for word := range strings.FieldsSeq(text) {
		if option, ok := strings.CutPrefix(word, "--"); ok {
			name, value, _ := strings.Cut(option, "=")
			last = strings.ReplaceAll(name, "-", "_")
			set[last] = value
		} else if last != "" {
			set[last] += " " + word
		}
	}
	return set
}
