package gtid

import (
	"fmt"
	"strings"
	"testing"
)

// big is the text of a set of 10,000 intervals of 20 sources.
func big(shift int) string {
	var b strings.Builder
	for i := range 20 {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "3e11fa47-71ca-11e1-9e33-c80aa94295%02d", 10+i)
		for j := range 500 {
			fmt.Fprintf(&b, ":%d-%d", shift+1+j*100, shift+50+j*100)
		}
	}
	return b.String()
}

func bigMariaDB() string {
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "%d-%d-%d,", i/100, i%100, 1000+i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func BenchmarkParseMySQL(b *testing.B) {
	text := big(0)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ParseMySQL(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseMariaDB(b *testing.B) {
	text := bigMariaDB()
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ParseMariaDB(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkString(b *testing.B) {
	s := mustParse(b, big(0))
	b.ReportAllocs()
	for b.Loop() {
		_ = s.String()
	}
}

func BenchmarkContains(b *testing.B) {
	s, o := mustParse(b, big(0)), mustParse(b, big(0))
	b.ReportAllocs()
	for b.Loop() {
		if !s.Contains(o) {
			b.Fatal()
		}
	}
}

func BenchmarkUnion(b *testing.B) {
	s, o := mustParse(b, big(0)), mustParse(b, big(25))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Union(o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubtract(b *testing.B) {
	s, o := mustParse(b, big(0)), mustParse(b, big(25))
	b.ReportAllocs()
	for b.Loop() {
		if s.Subtract(o).Empty() {
			b.Fatal()
		}
	}
}
