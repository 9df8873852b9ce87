package story

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// slot is one element of a usage.
type slot struct {
	name           string
	optional, many bool
}

func slots(usage string) (list []slot) {
	for _, word := range strings.Fields(usage) {
		s := slot{name: word}
		if inner, ok := strings.CutPrefix(s.name, "["); ok {
			s.name, s.optional = strings.TrimSuffix(inner, "]"), true
		}
		s.name, s.many = strings.CutSuffix(s.name, "...")
		list = append(list, s)
	}
	return list
}

// fit is PURE: which arguments stand for which slot, by its name; two slots of one
// name share. Where several readings fit, earlier slots get as much as they can.
func fit(list []slot, args []string) (map[string][]string, bool) {
	if len(list) == 0 {
		return map[string][]string{}, len(args) == 0
	}
	s := list[0]
	least, most := 1, 1
	if s.optional {
		least = 0
	}
	if s.many {
		most = len(args)
	}
	n := 0
	for n < min(most, len(args)) && suits(s.name, args[n]) {
		n++
	}
	for ; n >= least; n-- {
		if found, ok := fit(list[1:], args[n:]); ok {
			found[s.name] = append(args[:n:n], found[s.name]...)
			return found, true
		}
	}
	return nil, false
}

// suits says whether an argument can stand for a name, or for one of a choice.
func suits(name, arg string) bool {
	for one := range strings.SplitSeq(name, "|") {
		prefix, rest, prefixed := strings.Cut(one, ":")
		switch {
		case prefixed && rest != "":
			if strings.HasPrefix(arg, prefix+":") {
				return true
			}
		case !unicode.IsUpper(rune(one[0])):
			if arg == one {
				return true
			}
		case isA(one, arg):
			return true
		}
	}
	return false
}

func isA(name, arg string) bool {
	var err error
	switch name {
	case "TIMEOUT", "DURATION", "MAX", "DELAY":
		_, err = time.ParseDuration(arg)
	case "COUNT", "LEAST", "PERCENT", "MIB":
		_, err = strconv.Atoi(arg)
	case "REGEXP":
		_, err = regexp.Compile(arg)
	case "NODE", "FROM", "TARGET":
		return arg != "/"
	}
	return err == nil
}
