//go:build plant_unset_score

package plant

// Planted is what this build has wrong.
const Planted = UnsetScore
