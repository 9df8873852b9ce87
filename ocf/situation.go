package ocf

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Situation is one look at all that an operator may ask about. It is saved as JSON;
// what is read from it is another room's work (report).
type Situation struct {
	At         time.Time       `json:"at"`
	Asked      string          `json:"asked"`                // node that was asked
	Address    string          `json:"virtual_ip,omitempty"` // as configured
	Durability string          `json:"durability"`           // as configured
	View       scoring.View    `json:"view"`
	Shown      string          `json:"shown,omitempty"` // record as the CIB shows it, where it is not the newest
	Cluster    Overview        `json:"cluster"`
	Said       map[string]Said `json:"said"` // by node: nobody else has published anything
}

// Said is what a node publishes besides what the view has.
type Said struct {
	Epoch     uint64   `json:"epoch,omitempty"` // of the newest record it has seen; 0: none
	Acks      bool     `json:"acks,omitempty"`
	Follows   string   `json:"follows,omitempty"`
	Connected bool     `json:"connected,omitempty"`
	Executed  gtid.Set `json:"executed,omitzero"`
	Waiting   int      `json:"waiting,omitempty"` // commits that wait for an acknowledgement
	Address   *bool    `json:"address,omitempty"` // it holds the virtual IP; null: not known
	Ailment   string   `json:"ailment,omitempty"`
	Asleep    string   `json:"asleep,omitempty"` // events that do not run on this primary as they were made elsewhere
	Wake      string   `json:"wake,omitempty"`   // statement that has the first of them run
	Freeze    string   `json:"freeze,omitempty"` // node for whose election it receives nothing
	Turn      *Turn    `json:"turn,omitempty"`   // last change of its role; null: not known
}

func (p Publication) said() Said {
	s := Said{
		Acks: p.Acks, Follows: p.Follows, Connected: p.Connected, Executed: p.Executed,
		Waiting: p.Waiting, Address: p.Address, Ailment: p.Ailment, Asleep: p.Asleep, Wake: p.Wake, Freeze: p.Freeze, Turn: p.Turn,
	}
	if rec, err := scoring.ParseRecord(p.Record); err == nil {
		s.Epoch = rec.Epoch
	}
	return s
}

// Survey is what an operator's command sees: the record and what every node has
// published. It asks no server.
func (a *Agent) Survey(ctx context.Context) (scoring.View, error) {
	s, err := a.survey(ctx)
	return s.view, err
}

type survey struct {
	view scoring.View
	pubs map[string]Publication
	mem  Memory // of the node that is asked
	cib  *scoring.Record
}

func (a *Agent) survey(ctx context.Context) (survey, error) {
	var s survey
	var err error
	if s.pubs, err = a.publications(ctx, attrPosition); err != nil {
		return s, err
	}
	if s.mem, err = a.Ledger.Load(); err != nil {
		return s, fmt.Errorf("ledger: %w", err)
	}
	s.view = scoring.View{Policy: a.policy(), ClusterSize: a.Request.CloneMax, Waited: a.waited(s.mem)}
	k, err := a.records(ctx, s.mem, s.pubs)
	if err != nil {
		s.view.RecordError = err.Error()
	}
	s.view.Record, s.cib = k.newest, k.cib
	members, err := a.Members.Members(ctx)
	if err != nil {
		return s, fmt.Errorf("members: %w", err)
	}
	for _, m := range members {
		p, ok := s.pubs[m.Name]
		if !ok {
			role := scoring.RoleUnknown
			if m.Online {
				role = scoring.RoleStopped
			}
			p.Candidate = scoring.Candidate{Node: scoring.NodeID{Name: m.Name, Data: "unknown"}, Role: role}
		}
		s.view.Candidates = append(s.view.Candidates, p.Candidate)
	}
	return s, nil
}

// Situation looks at everything, through as few questions as there are: what the nodes
// have published, and one copy of the CIB.
func (a *Agent) Situation(ctx context.Context) (Situation, error) {
	s, err := a.survey(ctx)
	if err != nil {
		return Situation{}, err
	}
	p := a.Request.Params
	r := Situation{
		At: a.Clock.Now().UTC().Truncate(time.Second), Asked: a.node(),
		Address: p.Text("virtual_ip"), Durability: p.Text("durability"),
		View: s.view, Said: map[string]Said{},
	}
	if s.view.Record != nil && (s.cib == nil || s.cib.String() != s.view.Record.String()) {
		r.Shown = "none"
		if s.cib != nil {
			r.Shown = s.cib.String()
		}
	}
	for node, p := range s.pubs {
		r.Said[node] = p.said()
	}
	if _, ok := r.Said[a.node()]; !ok && s.mem.Turn != nil {
		// Its own ledger knows what it does not publish while its server is down.
		r.Said[a.node()] = Said{Turn: s.mem.Turn}
	}
	if r.Cluster, err = a.Surroundings.Overview(ctx); err != nil {
		return r, err
	}
	return r, nil
}
