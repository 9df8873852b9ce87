//go:build plant_term_with_waiters

package plant

// Planted is what this build has wrong.
const Planted = TermWithWaiters
