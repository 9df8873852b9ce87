//go:build plant_degrade_first

package plant

// Planted is what this build has wrong.
const Planted = DegradeFirst
