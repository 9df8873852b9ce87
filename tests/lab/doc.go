// Package lab runs a real Corosync, Pacemaker and MariaDB or MySQL cluster on one machine.
//
// Every node is a systemd-nspawn container over its own overlay of one cached
// Debian root file system, in a network namespace (mysql-ha-lab-db1, …) on a
// bridge that lives in a namespace of its own, so that the host's network is never
// touched. LAB=2 in the environment is a second lab beside the first, LAB_CACHE a
// folder of its own for root file systems. A further namespace (client) is where clients dial from.
//
//	SUITE=bookworm  Pacemaker 2.1.5   FLAVOUR=mariadb  MariaDB 10.11   FLAVOUR=mysql  MySQL 9.7
//	SUITE=trixie    Pacemaker 3.0.0   FLAVOUR=mariadb  MariaDB 11.8    FLAVOUR=mysql  MySQL 9.7
//
// MySQL is sid's (.ci/servers fetches it) with its own libraries, in a layer over
// the suite from which MariaDB's server was removed.
//
//	db1..db3  10.77.0.11..13     client  10.77.0.20     virtual IP  10.77.0.100
//	          fd77::11..13               fd77::20       (where the machine has IPv6)
//	eth1      10.78.0.11..13             10.78.0.20     (a second network, for a
//	                                     virtual IP on a link of its own)
//
// It promises that no call hangs (each command has its own deadline), that a
// node's files survive PowerOff, and that Down removes all that Up made, also
// what an interrupted run left. It does not show what depends on lost page
// cache: PowerOff kills every process of a node, but written data stays.
//
// It needs root, cgroup v2 (alone or beside v1), systemd-nspawn, debootstrap
// and iproute2. It may import tests/bench and tests/story and nothing else of ours.
//
// # Stories
//
// Their language is in tests/story, which the simulator (tests/sim) shares; it tells
// those that have a meaning there, too.
//
// tests/scenarios/*.txtar are run one after the other, by name, by
//
//	make lab                                     # all; RUN=02 picks some
//	make lab SUITE=trixie FLAVOUR=mysql
//	go test -tags lab -v -run TestScenarios/02 ./tests/lab -keep -suite trixie
//
// where -keep leaves the cluster running and uses the one that runs. What a
// story does is printed at once. When one fails, every node's logs go to a
// folder below build/lab-logs, and the next story starts from nothing.
//
// NODE is a name (db1) or a part that is looked up when the command runs:
// primary, replica1 (or replica), replica2, dc, not-dc; those of another resource are
// primary:NAME and so on. $PRIMARY, $REPLICA1 and
// $REPLICA2 mean the same. $UNIT is the distribution's unit of the server. All
// commands may be negated with "!". TIMEOUT, MAX and DURATION are written like 30s
// or 500ms. A story is the same for all systems; what differs by design is behind
// a condition: [mariadb], [mysql], [bookworm], [trixie]. Without [ipv6] the machine
// has none.
//
//	cluster fresh              new disks, boot, install, configure, wait until healthy
//	cluster healthy            the running cluster if it has these parameters and can be
//	                           mended and its data is equal; otherwise fresh
//	cluster booted             new disks, boot, install; no resource yet
//	others [safe]              the distribution's own servers, enabled and running on all
//	                           nodes (after `cluster booted`), db2 and db3 following db1
//	                           by an administrator's hand; safe: kept by mysqld_safe
//	configure                  load the resource (after `cluster booted`)
//	certificates               an authority, a certificate for each node below
//	                           /etc/mysql-ha/tls, and servers that use it (before `configure`)
//	param NAME VALUE           a parameter: before `cluster` for the configuration,
//	                           after it for the running resource
//	deep                       before `cluster`: monitors of depth 20, too
//	install NODE VERSION|this  upgrades or downgrades the package there to this tree
//	                           under that version, or under its own; nothing is stopped
//
//	writers start|stop         rows through the virtual IP, and the probe of every node
//	await-writes TIMEOUT       rows are acknowledged through the virtual IP
//	verify [TIMEOUT]           stops the writers; every acknowledged row is on every node
//	                           once, all hold the same, never two nodes acknowledged at once
//	outage MAX                 prints the times without writes; fails above MAX
//	report                     prints them
//
//	kill-mysqld NODE...        SIGKILL to the database server
//	server-pid NODE            prints its process
//	stop-applier NODE...       a replica receives, but does not apply
//	client NODE STATEMENTS     runs them as root in the background, for 60 s at most
//	alone NODE STATEMENTS      runs them on a server without agent and network
//	reseed NODE                standby, another node's data, back
//	power-off NODE...          all at once; the disk stays
//	power-on NODE...
//	cut NODE... | heal         off the network (also "client"); everybody back
//	standby NODE | unstandby NODE
//	ban NODE | move NODE       forbid the promoted role, or want it there
//	clear                      removes both
//	exec-on NODE COMMAND...    run a command inside; stdout and stderr can be matched
//	crm NODE COMMAND...        the same, for the cluster's tools
//	run-on NODE FILE           the same, for a shell script that is part of the story
//	await-on NODE TIMEOUT COMMAND...          the same, until it succeeds
//	new-datadir PATH           an empty database on every node, as a package makes it
//	follow-advice NODE REGEXP  run the matching command that explain prints for the
//	                           node, on it, and agree where it asks
//	sql NODE STATEMENT         as root; stdout can be matched
//
//	await-primary NODE|not:NODE|any TIMEOUT   exactly one promoted, and writable
//	await-healthy TIMEOUT      one primary with the virtual IP, everybody else follows it
//	await-rejoined [seeding] NODE... TIMEOUT  the same; a MySQL server that crashed as
//	                           the primary and stays aside is seeded anew, and with
//	                           "seeding" one of MariaDB, too
//	await-stopped NODE TIMEOUT no database server runs there
//	await-equal TIMEOUT        all GTID positions are equal
//	writable NODE yes|no [TIMEOUT]
//	no-primary DURATION        nobody is promoted, in anybody's view, all the time
//	expect-sql NODE STATEMENT VALUE [TIMEOUT]
//	await-neighbour NODE TIMEOUT              the client has the virtual IP at the node
//	attr NODE NAME REGEXP TIMEOUT             a node attribute, also a private one
//	score NODE VALUE [TIMEOUT]                the promotion score
//	remember VARIABLE PART...  keep a node's name, for later use as $VARIABLE
//	sleep DURATION
//
// # Faults
//
// tests/scenarios/faults/*.txtar are stories like the others, run by `make faults`
// (RUN, SUITE and FLAVOUR as above; THIRD=n runs a third of them, and consecutive
// numbers run all; tests/scenarios/open are those that fail today, which `make
// faults-open` runs). Each ends with verify and leftover. They have further words:
//
//	split NODE... / NODE...    the groups do not reach each other, the client reaches all;
//	                           a third "/" and group may follow; heal ends it
//	deafen NODE FROM...        what these send does not arrive at NODE; heal ends it
//	lose PERCENT NODE...       that share of all that these send is lost; heal ends it
//	delay DURATION NODE...     what these send arrives that much later; heal ends it
//	token DURATION             before `cluster`: Corosync's patience with a node, 1s otherwise
//	freeze-server | thaw-server NODE...   SIGSTOP to the database server
//	freeze-node | thaw-node NODE...       every process of a node, and its network
//	at NODE ACTION DELAY|end WORD [NODE...]   in the background: when the agent runs
//	                           an action on NODE, that much later, or when it has ended,
//	                           once: kill-agent, or one of cut, power-off, kill-mysqld,
//	                           freeze-node, freeze-server with nodes
//	settled [any] TIMEOUT      all of these have happened; or one, and the others will not
//	fencing on|off             a fence agent that takes a node's power, and its resource
//	await-fenced NODE TIMEOUT  it was fenced
//	volume data|binlog MIB     before `cluster`: a file system of its own on every node
//	fill | unfill NODE VOLUME  no space is left there
//	freeze-volume | thaw-volume NODE VOLUME   writes to it hang
//	break-volume NODE VOLUME   it is read-only until the node is off and on again
//	crowd COUNT [LEAST]        so many idle connections through the virtual IP, or at least
//	                           so many of them; 0 closes them
//	switchover COUNT TIMEOUT   the role moves so often, to a replica each time
//	leftover [timeouts] [TIMEOUT]   healthy, and on no node a process, mount, address,
//	                           packet filter, constraint or attribute is left of the
//	                           fault; no action ran into its deadline, but with "timeouts"
//
// testscript's own commands (stdout, grep, cmp, env, skip, …) work, too.
package lab
