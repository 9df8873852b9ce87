//go:build plant_drop_own_tail

package plant

// Planted is what this build has wrong.
const Planted = DropOwnTail
