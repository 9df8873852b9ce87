package ocf

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a parameter accepts.
type Kind string

const (
	KindText     Kind = "text"
	KindPath     Kind = "path"
	KindInt      Kind = "integer"
	KindDuration Kind = "duration"
	KindBool     Kind = "boolean"
	KindChoice   Kind = "choice"
	KindPrefix   Kind = "address/prefix"
)

// Param is one row of the parameter table, the only source of names, defaults
// and bounds: environment, validate-all, meta-data and manual read it.
type Param struct {
	Name       string
	Kind       Kind
	Default    string
	Or         []string // further defaults, where the first does not exist (Settle)
	Choices    []string
	Min, Max   int64 // integers; durations in seconds
	Reloadable bool
	Unique     string // unique-group: no two resources of a cluster may share the value
	Short      string
	Long       string
}

// Table lists every parameter.
var Table = []Param{
	{Name: "binary", Kind: KindPath, Default: "/usr/sbin/mariadbd", Or: []string{"/usr/sbin/mysqld", "/usr/libexec/mariadbd", "/usr/libexec/mysqld"}, Short: "server binary", Long: "The mysqld or mariadbd binary, run directly (never mysqld_safe). A script in its place must exec it, so that its process is the server."},
	{Name: "config", Kind: KindPath, Default: "/etc/mysql/my.cnf", Or: []string{"/etc/my.cnf"}, Short: "configuration file", Long: "The server's configuration file."},
	{Name: "datadir", Kind: KindPath, Default: "/var/lib/mysql", Unique: "datadir", Short: "data directory", Long: "Directory of the databases."},
	{Name: "user", Kind: KindText, Default: "mysql", Short: "system user", Long: "User that the server runs as."},
	{Name: "group", Kind: KindText, Default: "mysql", Short: "system group", Long: "Group that the server runs as."},
	{Name: "log", Kind: KindPath, Default: "/var/log/mysql/error.log", Or: []string{"/var/log/mariadb/mariadb.log", "/var/log/mysqld.log"}, Short: "error log", Long: "File of the server's error log."},
	{Name: "pid", Kind: KindPath, Default: "/run/mysqld/mysqld.pid", Unique: "pid", Short: "pid file", Long: "File that the server writes its process id to. The agent never trusts it."},
	{Name: "socket", Kind: KindPath, Default: "/run/mysqld/mysqld.sock", Unique: "socket", Short: "local socket", Long: "Unix socket for the agent's own connections."},
	{Name: "additional_parameters", Kind: KindText, Short: "more server options", Long: "Options added to the server's command line, separated by spaces; they win over those of the agent that safety does not depend on."},
	{Name: "credentials", Kind: KindPath, Default: "/etc/mysql-ha/credentials", Short: "credentials file", Long: "Root-only file (0600) with the accounts: sections [admin] and [replication], each with user and password. Without an [admin] section the agent is root over the socket; `mysql-ha grants` prints what makes an account with less."},
	{Name: "replication_user", Kind: KindText, Short: "replication account", Long: "Name of the replication account; each node logs in as NAME.NODE, an account of its own. The credentials file wins."},
	{Name: "replication_passwd", Kind: KindText, Short: "replication password", Long: "Password of the replication accounts. It would be readable in the cluster's configuration: use the credentials file."},
	{Name: "replication_port", Kind: KindInt, Default: "3306", Min: 1, Max: 65535, Short: "port", Long: "TCP port of every node's server."},
	{Name: "replication_require_ssl", Kind: KindBool, Default: "false", Short: "replicate over TLS", Long: "Require TLS for replication."},
	{Name: "replication_master_ssl_ca", Kind: KindPath, Short: "TLS authority", Long: "File with the certificate authority for replication."},
	{Name: "replication_master_ssl_cert", Kind: KindPath, Short: "TLS certificate", Long: "File with the client certificate for replication."},
	{Name: "replication_master_ssl_key", Kind: KindPath, Short: "TLS key", Long: "File with the client key for replication."},
	{Name: "virtual_ip", Kind: KindPrefix, Unique: "virtual_ip", Short: "virtual IP", Long: "Address that follows the primary, with its prefix length: 10.0.0.5/24 or 2001:db8::5/64. Empty: none."},
	{Name: "virtual_ip_nic", Kind: KindText, Short: "link of the virtual IP", Long: "Link to hold the virtual IP. Empty: the one whose network contains it; a link-local address (fe80::) needs it."},
	{Name: "durability", Kind: KindChoice, Default: "lossless", Choices: []string{"lossless", "degrade", "async"}, Short: "what an acknowledged commit means", Long: "lossless: a commit is acknowledged when a replica has received it, and waits as long as that takes. degrade: as lossless, but after degrade_after without any acknowledgement the primary goes on alone, and the loss that this risks is on record. async: no waiting; needs data_loss=allow."},
	{Name: "degrade_after", Kind: KindDuration, Default: "30s", Min: 5, Max: 86400, Reloadable: true, Short: "patience before degrading", Long: "With durability=degrade: how long commits wait for an acknowledgement before the primary goes on alone. Longer than the cluster takes to notice a lost node."},
	{Name: "data_loss", Kind: KindChoice, Default: "refuse", Choices: []string{"refuse", "allow"}, Reloadable: true, Short: "promote without proof", Long: "refuse: nobody is promoted unless it is proved that nothing acknowledged is lost. allow: after wait_for_peers the best node there is, with the bound of the loss on record."},
	{Name: "max_lag", Kind: KindDuration, Default: "30s", Min: 1, Max: 86400, Reloadable: true, Short: "largest delay of a candidate", Long: "A replica that is further behind is not promotable while a healthy primary lives."},
	{Name: "max_lag_reads", Kind: KindDuration, Default: "30s", Min: 2, Max: 86400, Reloadable: true, Short: "largest delay for reading", Long: "The node attribute RESOURCE-readable is 1 on the primary and on every replica that is at most this far behind, else 0; back at 1 when it is at most half as far. While the primary is away nobody knows a replica's delay: it counts from the last time it was known, so that what was fresh stays readable for this long and a failover moves no reader."},
	{Name: "wait_for_peers", Kind: KindDuration, Default: "60s", Min: 0, Max: 86400, Reloadable: true, Short: "patience for absent nodes", Long: "How long an election waits for a node that is recovering or absent before data_loss=allow, or the proof without it, counts."},
	{Name: "election_wait", Kind: KindDuration, Default: "3s", Min: 1, Max: 60, Reloadable: true, Short: "patience for ballots", Long: "How long a node to be promoted waits for the ballots of the others."},
	{Name: "election_freeze", Kind: KindDuration, Default: "180s", Min: 30, Max: 3600, Short: "how long a ballot binds", Long: "A replica that has published its ballot receives nothing for this long, unless the election ends before. Longer than the timeout of promote."},
	{Name: "exclude_after", Kind: KindDuration, Default: "20s", Min: 0, Max: 86400, Reloadable: true, Short: "patience for an absent replica", Long: "How long a replica that may acknowledge can be away before the primary locks it out and goes on without it. One that was stopped on purpose is excluded at once."},
	{Name: "demote_grace", Kind: KindDuration, Default: "5s", Min: 0, Max: 600, Reloadable: true, Short: "patience in demote", Long: "How long demote waits for running transactions to end before it ends their sessions."},
	{Name: "start_wait", Kind: KindDuration, Default: "3s", Min: 1, Max: 600, Reloadable: true, Short: "patience in start", Long: "How long start waits for the server to be ready before it reports a running, still recovering server."},
	{Name: "min_free_space", Kind: KindInt, Default: "1024", Min: 0, Max: 1 << 30, Reloadable: true, Short: "least free space in MiB", Long: "A monitor of depth 20 shows the server as degraded when the volume of its data, its binary logs or its relay logs has less free space than this, in MiB. 0: it does not look."},
	{Name: "state_dir", Kind: KindPath, Default: "/var/lib/mysql-ha", Short: "state directory", Long: "Where the agent remembers what must survive: the newest epoch seen, ballots, refusals."},
	{Name: "quarantine_dir", Kind: KindPath, Default: "/var/lib/mysql-ha/quarantine", Short: "quarantine directory", Long: "Where copies go before anything is discarded."},
}

// Params are the values in force: what is set, else the default.
type Params map[string]string

// ParseParams reads and checks every parameter of the table. The values are
// returned even with an error: stop and monitor go on with them.
func ParseParams(lookup func(name string) (string, bool)) (Params, error) {
	values := make(Params, len(Table))
	var first error
	for _, p := range Table {
		v, ok := lookup(p.Name)
		if !ok || strings.TrimSpace(v) == "" {
			v = p.Default
		}
		v = strings.TrimSpace(v)
		if err := p.Check(v); err != nil {
			if first == nil {
				first = err
			}
			v = p.Default
		}
		values[p.Name] = v
	}
	if first == nil {
		first = values.agree()
	}
	return values, first
}

// Settle replaces a default that does not exist on this machine by the first of the
// further ones that does; by the first in a directory that exists where none does,
// since a log comes to be with the server. What is there is kept.
func (v Params) Settle(exists func(path string) bool) {
	for _, p := range Table {
		if len(p.Or) == 0 || v[p.Name] != p.Default {
			continue
		}
		choices := append([]string{p.Default}, p.Or...)
		i := slices.IndexFunc(choices, exists)
		if i < 0 {
			i = slices.IndexFunc(choices, func(path string) bool { return exists(filepath.Dir(path)) })
		}
		v[p.Name] = choices[max(i, 0)]
	}
}

// Check names the parameter, the value and what is accepted.
func (p Param) Check(v string) error {
	bad := func(accepted string) error {
		shown := strconv.Quote(v)
		if strings.Contains(p.Name, "passwd") {
			shown = "(hidden)"
		}
		return fail(ErrConfigured, nil, "%s=%s: accepted is %s", p.Name, shown, accepted)
	}
	if strings.ContainsAny(v, "\n\x00") {
		return bad("one line")
	}
	if v == "" {
		if p.Default != "" {
			return bad("a value")
		}
		return nil
	}
	switch p.Kind {
	case KindPath:
		if !filepath.IsAbs(v) {
			return bad("an absolute path")
		}
	case KindInt:
		if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < p.Min || n > p.Max {
			return bad(fmt.Sprintf("an integer from %d to %d", p.Min, p.Max))
		}
	case KindDuration:
		if d, err := parseDuration(v); err != nil || d < time.Duration(p.Min)*time.Second || d > time.Duration(p.Max)*time.Second {
			return bad(fmt.Sprintf("a duration from %ds to %ds, like 30s or 2m", p.Min, p.Max))
		}
	case KindBool:
		if _, err := parseBool(v); err != nil {
			return bad("true or false")
		}
	case KindChoice:
		if !slices.Contains(p.Choices, v) {
			return bad("one of " + strings.Join(p.Choices, ", "))
		}
	case KindPrefix:
		if _, err := netip.ParsePrefix(v); err != nil {
			return bad("an address with a prefix length, like 10.0.0.5/24 or 2001:db8::5/64")
		}
	}
	return nil
}

// agree checks what concerns more than one parameter.
func (v Params) agree() error {
	if v.Text("durability") == "async" && v.Text("data_loss") == "refuse" {
		return fail(ErrConfigured, nil, "durability=async needs data_loss=allow: no promotion could ever be proved safe")
	}
	if v.Text("virtual_ip_nic") != "" && v.Text("virtual_ip") == "" {
		return fail(ErrConfigured, nil, "virtual_ip_nic=%q needs virtual_ip", v.Text("virtual_ip_nic"))
	}
	return nil
}

// Text is a parameter's value.
func (v Params) Text(name string) string { return v[name] }

// Int is a checked integer.
func (v Params) Int(name string) int {
	n, _ := strconv.Atoi(v[name])
	return n
}

// Bool is a checked truth value.
func (v Params) Bool(name string) bool {
	b, _ := parseBool(v[name])
	return b
}

// Duration is a checked duration.
func (v Params) Duration(name string) time.Duration {
	d, _ := parseDuration(v[name])
	return d
}

// parseDuration takes 30s and 2m; a plain number means seconds, as everywhere
// in Pacemaker.
func parseDuration(s string) (time.Duration, error) {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	return time.ParseDuration(s)
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1", "y":
		return true, nil
	case "false", "no", "off", "0", "n":
		return false, nil
	}
	return false, fmt.Errorf("%q is not a truth value", s)
}
