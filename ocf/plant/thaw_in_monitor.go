//go:build plant_thaw_in_monitor

package plant

// Planted is what this build has wrong.
const Planted = ThawInMonitor
