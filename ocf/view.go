package ocf

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Attribute names, after the resource's: position is a monitor's word and a hint,
// ballot is pre-promote's and binds.
const (
	attrPosition  = "position"
	attrBallot    = "ballot"
	attrStatus    = "status"
	attrReason    = "reason"
	attrCandidate = "candidate"
)

// known is what can be known of the record: the CIB alone can go back in time,
// so the newest of the CIB's, this node's and the participants' counts.
type known struct {
	cib    *scoring.Record // as the CIB shows it now
	text   string          // the same, to the letter
	newest *scoring.Record // nil: no record exists anywhere
}

// records reads the record from everywhere. An unreadable CIB, an unreadable
// publication or a split is an error: whoever cannot read the record does not act
// on it.
func (a *Agent) records(ctx context.Context, mem Memory, pubs map[string]Publication) (known, error) {
	var k known
	var all []scoring.Record
	text, ok, err := a.Records.ReadRecord(ctx)
	if err != nil {
		if !errors.Is(err, ErrNoCluster) || a.Request.Cluster {
			return k, fmt.Errorf("epoch record: %w", err)
		}
		ok = false
	}
	if ok {
		rec, err := scoring.ParseRecord(text)
		if err != nil {
			return k, fmt.Errorf("epoch record in the cib: %w", err)
		}
		k.cib, k.text = &rec, text
		all = append(all, rec)
	}
	texts := []string{mem.Record}
	for _, node := range sortedKeys(pubs) {
		texts = append(texts, pubs[node].Record)
	}
	for _, text := range texts {
		if text == "" {
			continue
		}
		rec, err := scoring.ParseRecord(text)
		if err != nil {
			return k, fmt.Errorf("epoch record: %w", err)
		}
		all = append(all, rec)
	}
	newest, ok, err := scoring.Newest(all...)
	if err != nil {
		return k, err
	}
	if ok {
		k.newest = &newest
	}
	return k, nil
}

// publications reads an attribute of every node that is a member now: the last
// word of a dead node is not evidence.
func (a *Agent) publications(ctx context.Context, what string) (map[string]Publication, error) {
	values, err := a.Attributes.Collect(ctx, a.name(what))
	if err != nil {
		return nil, fmt.Errorf("%s of the nodes: %w", what, err)
	}
	if len(values) == 0 {
		return nil, nil
	}
	members, err := a.roster(ctx)
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	pubs := make(map[string]Publication, len(values))
	for _, m := range members {
		text, ok := values[m.Name]
		if !ok || !m.Online || text == "" {
			continue
		}
		p, err := DecodePublication(text)
		if err != nil {
			a.Log.Warn("publication is not readable", "node", m.Name, "error", err)
			continue
		}
		if p.Node.Name != m.Name {
			a.Log.Warn("publication names another node", "node", m.Name, "named", p.Node.Name)
			continue
		}
		pubs[m.Name] = p
	}
	return pubs, nil
}

// roster lists the members, as this action first saw them: whoever leaves later
// takes its attributes with it.
func (a *Agent) roster(ctx context.Context) ([]Member, error) {
	if a.members == nil {
		members, err := a.Members.Members(ctx)
		if err != nil {
			return nil, err
		}
		a.members = members
	}
	return a.members, nil
}

// absent tells whether the cluster has lost the node. Its server then is not worth
// the time that a connection without an answer takes. Unknown is not absent.
func (a *Agent) absent(ctx context.Context, node string) bool {
	members, err := a.roster(ctx)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(members, func(m Member) bool { return m.Name == node && !m.Online })
}

// line is the table of epochs as scoring reads it.
func line(rows []replication.Epoch) (scoring.Line, error) {
	out := make(scoring.Line, 0, len(rows))
	for _, r := range rows {
		id, err := scoring.ParseNodeID(r.Primary)
		if err != nil {
			return nil, fmt.Errorf("table of epochs, epoch %d: %w", r.Epoch, err)
		}
		out = append(out, scoring.EpochStart{Epoch: r.Epoch, Primary: id, Marker: r.Marker, Start: r.Start})
	}
	return out, nil
}

// withTable adds the record as the table of epochs knows it: a node restored from
// nothing but its data still knows who was primary.
func withTable(k known, rows []replication.Epoch) (known, error) {
	if len(rows) == 0 {
		return k, nil
	}
	rec, err := scoring.ParseRecord(rows[len(rows)-1].Record)
	if err != nil {
		return k, fmt.Errorf("table of epochs: %w", err)
	}
	if k.newest == nil || rec.Epoch > k.newest.Epoch {
		k.newest = &rec
	}
	return k, nil
}

// whole is PURE: whether this node, as the record's primary, surely has its whole
// binary log: it holds the epoch's marker, and a power loss could not shorten it.
// With MySQL, where the marker has no name, the epoch's row in the node's own table
// stands for it: the last of all, of this primary, and the start that it began with.
// An epoch that its primary continued has no row of its own.
//
// Of an epoch that it put on record and never opened (it, or its server, died first)
// it has the whole, too: nothing. It holds exactly what the epoch began with, it has
// not noted that it was about to open, and clients come only after that note. Nor can
// any be lost with the end of its binary log: the marker precedes them there, and what
// was synced stays. So nothing was acknowledged in that epoch, and whoever holds its
// start holds everything.
func whole(rec *scoring.Record, self scoring.NodeID, st replication.State, rows []replication.Epoch, opened uint64) bool {
	if rec == nil || rec.Primary != self || st.Durable.SyncBinlog != 1 {
		return false
	}
	n := len(rows)
	if rec.Grant == scoring.GrantNone && opened < rec.Epoch && st.Executed.Equal(rec.Start) &&
		(n == 0 || rows[n-1].Epoch < rec.Epoch) {
		return true
	}
	if st.Flavour == gtid.MySQL {
		return n > 0 && rows[n-1].Primary == self.String() && rows[n-1].Epoch <= rec.Epoch &&
			rec.Grant == scoring.GrantNone && st.Executed.Contains(rec.Start)
	}
	return rec.Marker != (gtid.Entry{}) && st.Executed.Contains(gtid.FromEntries([]gtid.Entry{rec.Marker}))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
