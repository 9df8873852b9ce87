//go:build plant_reissue_gtid

package plant

// Planted is what this build has wrong.
const Planted = ReissueGTID
