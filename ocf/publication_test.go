package ocf

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

func position(t testing.TB, s string) gtid.Set {
	t.Helper()
	set, err := gtid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func fullPublication(t testing.TB) Publication {
	lag, held := 7*time.Second, false
	return Publication{
		Candidate: scoring.Candidate{
			Node: scoring.NodeID{Name: "db2.example", Data: "bb"}, Role: scoring.RoleReplica, Observed: true,
			Position: position(t, "0-1-100,0-2-50"), Previous: position(t, "0-1-90"), Electable: true, Lag: &lag,
			Broken: "applier stopped,  error 1062; \"ä\" ++ 'x'", Drain: "draining, ~40 s", Refused: "a+b = c & d",
			Foreign: "0-3-7", Quarantined: "by\nhand", WholeBinlog: true, RelayIntact: true, Frozen: true, Tables: "00ff",
			Led: true, Version: "10.11.14-MariaDB-0+deb12u2", Unlinked: "vip 10.0.0.5/24: link is down: eth1",
		},
		Record: "epoch=3 rev=1 primary=db1:aa start= durability=lossless waited=1 ackers=", Counter: 1<<64 - 1,
		Target: "db1", Acks: true, Follows: "10.0.0.1", Connected: true, Executed: position(t, "0-1-99"),
		Waiting: 3, Address: &held, Ailment: "data: less free", Asleep: "2: shop.a, shop.b", Wake: "ALTER DEFINER=`app`@`%` EVENT `shop`.`a` ENABLE", Freeze: "db3", Turn: &Turn{What: "demoted", At: "2026-11-26T03:12:45Z", Why: "asked to & done"},
		Conceded: map[string]uint64{"db1": 7, "db3.example": 1<<64 - 1},
	}
}

// sameSets compares positions by what they hold.
var sameSets = cmp.Comparer(func(a, b gtid.Set) bool { return a.Equal(b) })

func TestPublicationRoundTrip(t *testing.T) {
	full := fullPublication(t)
	// A field added later must be in this test, and so in the encoding.
	for _, v := range []reflect.Value{reflect.ValueOf(full), reflect.ValueOf(full.Candidate)} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("field %s is not tested", v.Type().Field(i).Name)
			}
		}
	}
	bare := Publication{Candidate: scoring.Candidate{Node: scoring.NodeID{Name: "db1", Data: "aa"}, Role: scoring.RoleStopped}}
	zero := time.Duration(0)
	prompt := bare
	prompt.Lag = &zero // no lag is not an unknown lag
	mysql := bare
	mysql.Position = position(t, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7")
	for _, p := range []Publication{full, bare, prompt, mysql} {
		text, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodePublication(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(p, got, sameSets); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// What Pacemaker's tools cannot carry, or would compute with.
func TestPublicationIsPlain(t *testing.T) {
	text, err := fullPublication(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(text, "+ '\"\n<>") {
		t.Errorf("holds what does not come back as given: %s", text)
	}
}

func TestPublicationHasABound(t *testing.T) {
	p := fullPublication(t)
	p.Broken = strings.Repeat("x", maxPublication)
	if _, err := p.Encode(); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("error is %v", err)
	}
}

func TestDecodePublicationRefuses(t *testing.T) {
	for _, text := range []string{
		"", "garbage", "node=db1", "node=db1%3Aaa&pos=x", "node=db1%3Aaa&exec=0-1", "node=db1%3Aaa&prev=-", "node=db1:aa;role=x",
		"node=db1%3Aaa&lag=soon", "node=db1%3Aaa&lag=-1", "node=db1%3Aaa&lag=99999999999", "node=db1%3Aaa&counter=x", "node=%zz",
	} {
		if p, err := DecodePublication(text); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		}
	}
}

// FuzzDecodePublication: what is read at all is read the same after a round trip.
func FuzzDecodePublication(f *testing.F) {
	text, err := fullPublication(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("node=db1%3Aaa&role=stopped")
	f.Add("node=db1%3Aaa&role=replica&pos=0-1-1%2C0-2-2&lag=0&counter=0&observed=")
	f.Add("node=db1%3Aaa&pos=3e11fa47-71ca-11e1-9e33-c80aa9429562%3A1-5")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := DecodePublication(text)
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil {
			return // too long
		}
		q, err := DecodePublication(again)
		if err != nil {
			t.Fatalf("%q was read and written as %q: %v", text, again, err)
		}
		if diff := cmp.Diff(p, q, sameSets); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
		// It may become a record's primary.
		r := scoring.Record{Epoch: 1, Primary: p.Node, Durability: scoring.Lossless, Waited: 1}
		if read, err := scoring.ParseRecord(r.String()); err != nil || read.Primary != p.Node {
			t.Errorf("%q is read as %q, %v", r, read, err)
		}
	})
}
