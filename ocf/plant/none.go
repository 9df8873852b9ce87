//go:build !plant_no_ackers && !plant_dead_floor && !plant_unset_score && !plant_thaw_in_monitor && !plant_stop_before_apply && !plant_degrade_first && !plant_reissue_gtid && !plant_term_with_waiters && !plant_drop_own_tail && !plant_purge_at_start && !plant_hook_reports && !plant_error_is_primary

package plant

// Planted is what this build has wrong: nothing.
const Planted = None
