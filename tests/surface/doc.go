// Package surface holds the real binary against what Pacemaker, ocf-tester and an
// operator expect of an OCF agent, with a real mariadbd and no cluster.
//
// It promises: each test has a machine of its own (namespaces over this machine's
// file system, which it cannot change), with systemd and without; nothing of it is
// left behind, and nothing of this machine's is touched.
//
// It does not show elections, replication or failover: those are the lab's.
//
// It may import everything; nothing imports it.
package surface
