package lab

import (
	"math/rand/v2"
	"slices"
)

// rotating picks a third of the stories. Three numbers n, n+1, n+2, of which the
// first is divisible by three, pick each story once; others mix them anew.
func rotating(files []string, n int) []string {
	mixed := slices.Clone(files)
	r := rand.New(rand.NewPCG(uint64(n/3), 0)) // #nosec G404 -- which stories run is no secret
	r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	var picked []string
	for i := n % 3; i < len(mixed); i += 3 {
		picked = append(picked, mixed[i])
	}
	slices.Sort(picked)
	return picked
}
