package lab

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/tests/story"
)

// Status is what Pacemaker on one node says about the cluster.
type Status struct {
	DC      string
	Quorate bool
	Online  []string
	Standby []string
	// Roles are those of the resource; Others of further ones, by their names.
	Roles
	Others map[string]Roles
}

// Roles are the nodes by what they are to one clone.
type Roles struct {
	Promoted   []string
	Unpromoted []string
	// Trouble lists failed, blocked or orphaned instances.
	Trouble []string
}

// Cast is who plays which part.
func (s *Status) Cast() story.Cast {
	c := story.Cast{DC: s.DC, Online: s.Online, Promoted: s.Promoted, Unpromoted: s.Unpromoted, Others: map[string]story.Cast{}}
	for name, r := range s.Others {
		c.Others[name] = story.Cast{Promoted: r.Promoted, Unpromoted: r.Unpromoted}
	}
	return c
}

type monXML struct {
	Summary struct {
		DC struct {
			Name   string `xml:"name,attr"`
			Quorum string `xml:"with_quorum,attr"`
		} `xml:"current_dc"`
	} `xml:"summary"`
	Nodes []struct {
		Name    string `xml:"name,attr"`
		Online  bool   `xml:"online,attr"`
		Standby bool   `xml:"standby,attr"`
		Pending bool   `xml:"pending,attr"`
	} `xml:"nodes>node"`
	Clones []struct {
		ID        string        `xml:"id,attr"`
		Instances []instanceXML `xml:"resource"`
	} `xml:"resources>clone"`
}

type instanceXML struct {
	ID      string `xml:"id,attr"`
	Role    string `xml:"role,attr"`
	Failed  bool   `xml:"failed,attr"`
	Blocked bool   `xml:"blocked,attr"`
	Orphan  bool   `xml:"orphaned,attr"`
	Nodes   []struct {
		Name string `xml:"name,attr"`
	} `xml:"node"`
}

// Status asks one node. ctx bounds it.
func (l *Lab) Status(ctx context.Context, node string) (*Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _, err := l.Exec(ctx, node, "crm_mon", "-1", "--output-as=xml")
	if err != nil {
		return nil, err
	}
	return parseStatus([]byte(out))
}

func parseStatus(b []byte) (*Status, error) {
	var m monXML
	if err := xml.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("crm_mon: %w", err)
	}
	s := &Status{DC: m.Summary.DC.Name, Quorate: m.Summary.DC.Quorum == "true", Others: map[string]Roles{}}
	for _, n := range m.Nodes {
		if n.Online && !n.Pending {
			s.Online = append(s.Online, n.Name)
		}
		if n.Standby {
			s.Standby = append(s.Standby, n.Name)
		}
	}
	for _, c := range m.Clones {
		for _, in := range c.Instances {
			if c.ID == cloneID {
				s.Roles = s.with(in)
			} else {
				s.Others[in.ID] = s.Others[in.ID].with(in)
			}
		}
	}
	return s, nil
}

// with adds one instance.
func (r Roles) with(in instanceXML) Roles {
	var names []string
	for _, n := range in.Nodes {
		names = append(names, n.Name)
	}
	switch in.Role {
	case "Promoted", "Master":
		r.Promoted = append(r.Promoted, names...)
		slices.Sort(r.Promoted)
	case "Unpromoted", "Slave", "Started":
		r.Unpromoted = append(r.Unpromoted, names...)
		slices.Sort(r.Unpromoted)
	}
	if in.Failed || in.Blocked || in.Orphan {
		r.Trouble = append(r.Trouble, fmt.Sprintf("%s on %s: failed=%v blocked=%v orphaned=%v",
			in.Role, strings.Join(names, ","), in.Failed, in.Blocked, in.Orphan))
	}
	return r
}

// QuorateStatus is the view of a node that has quorum: a node that was cut off
// still tells what it saw last.
func (l *Lab) QuorateStatus(ctx context.Context) (*Status, error) {
	var errs []error
	for _, node := range l.On() {
		s, err := l.Status(ctx, node)
		if err == nil && s.Quorate && s.DC != "" {
			return s, nil
		}
		if err == nil {
			err = fmt.Errorf("%s: no quorum (DC %q)", node, s.DC)
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no node has quorum: %w", errors.Join(errs...))
}

// AwaitOnline waits until every node that has power sees all of them as members.
func (l *Lab) AwaitOnline(ctx context.Context, timeout time.Duration) error {
	return poll(ctx, timeout, 300*time.Millisecond, func(ctx context.Context) error {
		on := l.On()
		for _, node := range on {
			s, err := l.Status(ctx, node)
			if err != nil {
				return err
			}
			slices.Sort(s.Online)
			if !slices.Equal(s.Online, on) || s.DC == "" {
				return fmt.Errorf("%s sees %v online with DC %q, want %v", node, s.Online, s.DC, on)
			}
		}
		return nil
	})
}
