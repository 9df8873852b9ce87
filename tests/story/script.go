package story

import (
	"fmt"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Line is a line of a story as it stands there: variables have no value yet.
type Line struct {
	Number int
	Word   string
	Args   []string
}

// Read lists the lines of a story that are carried out where the conditions are as
// is says, up to the first stop or skip; all lines where is is nil.
func Read(file string, is func(condition string) (bool, error)) ([]Line, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var lines []Line
	n := 0
	for text := range strings.Lines(string(txtar.Parse(b).Comment)) {
		n++
		words, err := split(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		runs := true
		for runs && len(words) > 0 && strings.HasPrefix(words[0], "[") && strings.HasSuffix(words[0], "]") {
			if is != nil {
				condition, not := strings.CutPrefix(strings.Trim(words[0], "[]"), "!")
				yes, err := is(condition)
				if err != nil {
					return nil, fmt.Errorf("%s:%d: %w", file, n, err)
				}
				runs = yes != not
			}
			words = words[1:]
		}
		if len(words) > 0 && words[0] == "!" {
			words = words[1:]
		}
		if !runs || len(words) == 0 {
			continue
		}
		lines = append(lines, Line{n, words[0], words[1:]})
		if is != nil && (words[0] == "stop" || words[0] == "skip") {
			break
		}
	}
	return lines, nil
}

// split is testscript's quoting: blanks part words, but not within single quotes; two
// of these within quotes are one; # begins a comment.
func split(line string) (words []string, err error) {
	var b strings.Builder
	inside, begun := false, false
	end := func() {
		if begun {
			words = append(words, b.String())
		}
		b.Reset()
		begun = false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'' && inside && i+1 < len(line) && line[i+1] == '\'':
			b.WriteByte(c)
			i++
		case c == '\'':
			inside, begun = !inside, true
		case inside:
			b.WriteByte(c)
		case strings.IndexByte(" \t\r\n", c) >= 0:
			end()
		case c == '#':
			end()
			return words, nil
		default:
			b.WriteByte(c)
			begun = true
		}
	}
	end()
	if inside {
		return nil, fmt.Errorf("unterminated quote: %s", strings.TrimSpace(line))
	}
	return words, nil
}
