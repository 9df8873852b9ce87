// Package vip puts one virtual IP address, of IPv4 or IPv6, on one link, takes it
// off, and tells the neighbours.
//
// It promises: Up and Down may be repeated, claim success only after looking
// again, and leave every other address of the link as it was. What cannot be
// found out is an error, never "not held" or "no conflict".
//
// It does not: decide who may hold the address, bring links up, speak to
// neighbours on links that are not Ethernet, watch for others who claim the
// address after Up, or remember anything.
//
// It may import vishvananda/netlink, x/sys/unix and the standard library but
// os/exec; nothing of ours. It works in the calling thread's network namespace.
package vip
