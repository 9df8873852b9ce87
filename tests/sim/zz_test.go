package sim

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
	"testing"
)

func TestZZ(t *testing.T) {
	h := map[string]int{}
	re := regexp.MustCompile(`[0-9][-0-9a-f,:]*`)
	for s := range uint64(300) {
		w, _ := Run(options(s, Sound), s, steps)
		for _, l := range w.trace {
			l = l[5:]
			if i := strings.Index(l, "epoch="); i >= 0 {
				l = l[:i]
			}
			h[re.ReplaceAllString(l, "#")]++
		}
	}
	var ks []string
	for k := range h {
		ks = append(ks, k)
	}
	sort.Slice(ks, func(i, j int) bool { return h[ks[i]] > h[ks[j]] })
	for _, k := range ks[:min(45, len(ks))] {
		fmt.Println(h[k], k)
	}
}
