package ocf

import "strings"

// Note is what a notification says (Pacemaker Administration, "Clone
// notifications"). Lists are node names as they were at the start of the
// transition; the cluster also passes them to start, stop, promote and demote.
type Note struct {
	Present    bool
	Type       string // pre | post
	Operation  string // start | stop | promote | demote
	Start      []string
	Stop       []string
	Promote    []string
	Demote     []string
	Active     []string
	Promoted   []string
	Unpromoted []string
}

func parseNote(env map[string]string) Note {
	const prefix = metaPrefix + "notify_"
	list := func(names ...string) []string {
		for _, name := range names {
			// An empty list is one space; the older spelling stands only where
			// the newer one is unset.
			if v, ok := env[prefix+name+"_uname"]; ok {
				return strings.Fields(v)
			}
		}
		return nil
	}
	n := Note{
		Type:       env[prefix+"type"],
		Operation:  env[prefix+"operation"],
		Start:      list("start"),
		Stop:       list("stop"),
		Promote:    list("promote"),
		Demote:     list("demote"),
		Active:     list("active"),
		Promoted:   list("promoted", "master"),
		Unpromoted: list("unpromoted", "slave"),
	}
	for k := range env {
		if strings.HasPrefix(k, prefix) {
			n.Present = true
			break
		}
	}
	return n
}

// Event is the notification in one word: "pre-promote".
func (n Note) Event() string { return n.Type + "-" + n.Operation }
