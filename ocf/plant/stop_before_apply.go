//go:build plant_stop_before_apply

package plant

// Planted is what this build has wrong.
const Planted = StopBeforeApply
