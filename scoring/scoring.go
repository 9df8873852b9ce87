package scoring

// Line of a ranking: one node's score with the reason for it.
type Place struct {
	Node   NodeID   `json:"node"`
	Score  int      `json:"score"` // NegInf, or -999999..1000
	Reason string   `json:"reason"`
	Notes  []string `json:"notes,omitempty"`
}

// Ranking lists every candidate, best first.
type Ranking struct {
	Places []Place `json:"places"`
	Proof  Proof   `json:"proof"` // meaningful while no primary lives
}
