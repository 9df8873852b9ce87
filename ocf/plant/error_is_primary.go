//go:build plant_error_is_primary

package plant

// Planted is what this build has wrong.
const Planted = ErrorIsPrimary
