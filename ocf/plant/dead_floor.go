//go:build plant_dead_floor

package plant

// Planted is what this build has wrong.
const Planted = DeadFloor
