// Package plant is how the simulator (tests/sim) is tested: each build tag plants one
// mistake in the agent, which the simulator has to find.
//
// It promises: without a tag nothing is planted, and every "if" about it is known to
// be false when the agent is compiled. More than one tag does not compile.
//
// It does not promise that an agent with a tag does anything useful: never install one.
//
// It imports nothing.
package plant

// Mistake is a rule of the design that is broken on purpose.
type Mistake string

// The mistakes by their build tags, with plant_ before each.
const (
	None            Mistake = ""
	NoAckers        Mistake = "no_ackers"         // a proof asks whoever is there, not those who may have acknowledged
	DeadFloor       Mistake = "dead_floor"        // the position of a dead server stands
	UnsetScore      Mistake = "unset_score"       // a score is deleted, not set to -INFINITY
	ThawInMonitor   Mistake = "thaw_in_monitor"   // a monitor starts the receiver of a frozen replica
	StopBeforeApply Mistake = "stop_before_apply" // a freeze stops the receiver without an applier
	DegradeFirst    Mistake = "degrade_first"     // commits stop waiting before the record says so
	ReissueGTID     Mistake = "reissue_gtid"      // what was discarded is forgotten, and the data keep their name
	TermWithWaiters Mistake = "term_with_waiters" // SIGTERM while commits wait for an acknowledgement
	DropOwnTail     Mistake = "drop_own_tail"     // a tail is dropped while the record names this node
	PurgeAtStart    Mistake = "purge_at_start"    // replication starts without a look at the relay log
	HookReports     Mistake = "hook_reports"      // the exit hook reports a dead primary as failed
	ErrorIsPrimary  Mistake = "error_is_primary"  // a query that failed reads as primary
)
