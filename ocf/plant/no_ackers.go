//go:build plant_no_ackers

package plant

// Planted is what this build has wrong.
const Planted = NoAckers
