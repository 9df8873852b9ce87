// Package pacemaker runs the cluster's command-line tools: attrd_updater,
// crm_attribute, crm_node, cibadmin, crm_mon.
//
// It promises: every process has a deadline and dies with it; a tool that failed
// is an error with the tool's own words, never "unset" and never "alone"; what
// Publish, Withdraw and WriteRecord return from has been seen to be so; values
// come back as they were given.
//
// It does not promise that another node's value is its newest, and does not
// decide anything.
//
// It may import ocf and the standard library, os/exec included.
package pacemaker
