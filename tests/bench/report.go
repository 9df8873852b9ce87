package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is what a meter saw.
type Report struct {
	Acks    []Ack
	Events  []Event
	Unknown int
	runs    []*Report // of a merged report: what each meter saw
}

// Merge joins the reports of several meters.
func Merge(rs ...*Report) *Report {
	all := &Report{runs: rs}
	for _, r := range rs {
		all.Acks = append(all.Acks, r.Acks...)
		all.Events = append(all.Events, r.Events...)
		all.Unknown += r.Unknown
	}
	return all
}

// Gap is a time in which no row was acknowledged through the service.
type Gap struct {
	Start    time.Time
	Length   time.Duration
	From, To string // who acknowledged before and after
}

func (g Gap) String() string {
	return fmt.Sprintf("%.2f s from %s (%s, then %s)", g.Length.Seconds(), g.Start.UTC().Format("15:04:05.000"), g.From, g.To)
}

// Gaps lists the times without writes that are longer than floor. While no meter
// ran, nobody wanted to write.
func (r *Report) Gaps(floor time.Duration) []Gap {
	if len(r.runs) > 0 {
		var gaps []Gap
		for _, run := range r.runs {
			gaps = append(gaps, run.Gaps(floor)...)
		}
		return gaps
	}
	var acks []Ack
	for _, a := range r.Acks {
		if a.Table == WriterRows {
			acks = append(acks, a)
		}
	}
	slices.SortFunc(acks, func(a, b Ack) int { return a.At.Compare(b.At) })
	var gaps []Gap
	for i := 1; i < len(acks); i++ {
		if d := acks[i].At.Sub(acks[i-1].At); d > floor {
			gaps = append(gaps, Gap{Start: acks[i-1].At, Length: d, From: acks[i-1].Node, To: acks[i].Node})
		}
	}
	return gaps
}

// Longest is the longest gap; zero when there is none.
func Longest(gaps []Gap) Gap {
	if len(gaps) == 0 {
		return Gap{}
	}
	return slices.MaxFunc(gaps, func(a, b Gap) int { return int(a.Length - b.Length) })
}

// String is the summary for people.
func (r *Report) String() string {
	n := map[string]int{}
	for _, a := range r.Acks {
		n[a.Table]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows acknowledged through the virtual IP, %d to the probe, %d of unknown outcome\n",
		n[WriterRows], n[ProbeRows], r.Unknown)
	gaps := r.Gaps(300 * time.Millisecond)
	if len(gaps) == 0 {
		b.WriteString("no gap above 0.3 s\n")
	}
	for _, g := range gaps {
		fmt.Fprintf(&b, "no writes for %s\n", g)
	}
	return b.String()
}

// Overlaps finds two writers: an acknowledgement of one node between two of
// another that did not refuse in between. A switch there and back is no
// overlap, since the probe sees the refusals of the node in between.
func (r *Report) Overlaps() []string {
	events := slices.Clone(r.Events)
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	var found []string
	open := map[string]time.Time{} // node → its last ack, while no refusal followed
	others := map[string]Event{}   // node → somebody else's ack since then
	for _, e := range events {
		if !e.Ack {
			delete(open, e.Node)
			delete(others, e.Node)
			continue
		}
		if since, ok := open[e.Node]; ok {
			if o, ok := others[e.Node]; ok {
				found = append(found, fmt.Sprintf("%s acknowledged at %s, between two of %s at %s and %s",
					o.Node, stamp(o.At), e.Node, stamp(since), stamp(e.At)))
			}
		}
		open[e.Node] = e.At
		delete(others, e.Node)
		for node := range open {
			if _, seen := others[node]; node != e.Node && !seen {
				others[node] = e
			}
		}
	}
	return found
}

func stamp(t time.Time) string { return t.UTC().Format("15:04:05.000") }
