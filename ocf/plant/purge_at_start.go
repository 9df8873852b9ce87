//go:build plant_purge_at_start

package plant

// Planted is what this build has wrong.
const Planted = PurgeAtStart
