package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// documentCmd prints what packages have beside the program. It is made of what the
// program itself reads, so that it cannot differ from it.
type documentCmd struct {
	What string `arg:"" enum:"agent,command,completion,parameters,parts" help:"agent: ocf_mysql-ha_mysql(7). command: mysql-ha(8). completion: for bash. parameters: Markdown. parts: the modules in the program (SPDX)."`
}

func (c *documentCmd) Run(d *desk) error {
	made, err := sourceDate(d.environ)
	if err != nil {
		return err
	}
	var text string
	switch c.What {
	case "agent":
		text, err = agentPage(made)
	case "command":
		text, err = commandPage(made)
	case "completion":
		text, err = completion()
	case "parameters":
		text, err = parameterList()
	case "parts":
		text, err = parts(made)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(d.out, text)
	return err
}

// sourceDate is the time that documents bear: that of the sources, so that they are
// the same whenever they are made. The zero time where nothing says it.
func sourceDate(environ []string) (time.Time, error) {
	text := lookup(environ, "SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

// commands is the grammar as the parser sees it, without what is hidden.
func commands() ([]*kong.Node, error) {
	parser, err := kong.New(&grammar{}, kong.Name("mysql-ha"))
	if err != nil {
		return nil, err
	}
	var all []*kong.Node
	for _, n := range parser.Model.Children {
		if !n.Hidden {
			all = append(all, n)
		}
	}
	return all, nil
}

// synopsis is a command's line: what is required first.
func synopsis(n *kong.Node) string {
	words := []string{n.Name}
	for _, p := range n.Positional {
		words = append(words, strings.ToUpper(p.Name))
	}
	var optional []string
	for _, f := range n.Flags {
		word := flagWord(f)
		switch {
		case f.Name == "help":
		case f.Required:
			words = append(words, word)
		default:
			optional = append(optional, "["+word+"]")
		}
	}
	return strings.Join(append(words, optional...), " ")
}

func flagWord(f *kong.Flag) string {
	if f.IsBool() {
		return "--" + f.Name
	}
	return "--" + f.Name + "=" + f.PlaceHolder
}

// describeFlag is its help, with the default.
func describeFlag(f *kong.Flag) string {
	text := f.Help
	if f.HasDefault && f.Default != "" {
		text += " Default: " + f.Default + "."
	}
	return text
}
