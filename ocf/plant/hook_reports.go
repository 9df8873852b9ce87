//go:build plant_hook_reports

package plant

// Planted is what this build has wrong.
const Planted = HookReports
