package ocf

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// logNames are the logs by their options: what the agent calls one where the
// server's configuration says nothing of it, and what the server appends to the pid
// file's name where it only says that there is one (tried: MariaDB 10.11).
var logNames = map[string]struct{ ours, suffix string }{
	"log_bin":   {"binlog", "-bin"},
	"relay_log": {"relay-bin", "-relay-bin"},
}

// LogBase is PURE: the path that a log's files begin with, by its option and what the
// server's configuration sets.
func LogBase(option string, set map[string]string, p Params) string {
	name, ok := set[option]
	switch {
	case !ok:
		name = logNames[option].ours
	case name == "":
		pid := filepath.Base(p.Text("pid"))
		name = strings.TrimSuffix(pid, filepath.Ext(pid)) + logNames[option].suffix
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Text("datadir"), name)
}

// program is the server as it can be known before it runs. Names of options have
// underscores.
type program struct {
	flavour   gtid.Flavour
	set       map[string]string // by the operator, wherever
	known     map[string]string // every option that the binary has, with its default
	persisted map[string]string // MySQL: what SET PERSIST left in the data directory
}

// program asks the configuration files, and the binary itself: a version's number
// says nothing about what a vendor left out, or put in.
func (a *Agent) program(ctx context.Context) (program, error) {
	binary := a.Request.Params.Text("binary")
	set, err := Configured(ctx, a.Options, a.Request.Params)
	if err != nil {
		return program{}, unasked(binary, err)
	}
	known, err := a.Options.Known(ctx, binary, set)
	if err != nil {
		return program{}, unasked(binary, err)
	}
	p := program{flavour: flavourOf(known), set: set, known: known}
	if p.flavour == gtid.None {
		return p, fail(ErrInstalled, nil, "%s is neither MariaDB nor MySQL with GTIDs", binary)
	}
	if p.flavour != gtid.MySQL {
		return p, nil
	}
	if p.persisted, err = a.Options.Persisted(a.Request.Params.Text("datadir")); err != nil {
		return p, fail(ErrGeneric, err, "persisted variables")
	}
	maps.Copy(p.set, p.persisted) // they win
	if v, ok := p.set["binlog_encryption"]; ok && !off(v) {
		return p, fail(ErrConfigured, nil, "binlog_encryption is on: relay logs that the agent cannot read prove nothing")
	}
	return p, nil
}

// unasked is why the binary did not tell its options. One that was interrupted is no
// broken installation, which Pacemaker would never try again on this node.
func unasked(binary string, err error) error {
	code := ErrInstalled
	if errors.Is(err, ErrInterrupted) {
		code = ErrGeneric
	}
	return fail(code, err, "options of %s", binary)
}

// Configured is what the operator chose by files and by additional_parameters,
// which come later and win.
func Configured(ctx context.Context, o Options, p Params) (map[string]string, error) {
	set, err := o.Configured(ctx, p.Text("binary"), p.Text("config"))
	if err != nil {
		return nil, err
	}
	set = maps.Clone(set)
	if set == nil {
		set = map[string]string{}
	}
	for word := range strings.FieldsSeq(p.Text("additional_parameters")) {
		if option, ok := strings.CutPrefix(word, "--"); ok {
			name, value, _ := strings.Cut(option, "=")
			set[OptionName(name)] = value
		}
	}
	return set, nil
}

// OptionName is how options are compared: the server takes dashes for underscores,
// and loose- lets it start without knowing the option.
func OptionName(option string) string {
	return strings.TrimPrefix(strings.ReplaceAll(option, "-", "_"), "loose_")
}

// off is how a switch says no; one without a value says yes.
func off(value string) bool {
	return value == "0" || strings.EqualFold(value, "off") || strings.EqualFold(value, "false")
}

// flavourOf is PURE: each flavour has an option of its own that makes its GTIDs
// strict. None where there is neither.
func flavourOf(known map[string]string) gtid.Flavour {
	if _, ok := known["gtid_strict_mode"]; ok {
		return gtid.MariaDB
	}
	if _, ok := known["enforce_gtid_consistency"]; ok {
		return gtid.MySQL
	}
	return gtid.None
}

// command is how to run the server.
func (a *Agent) command(p program, t tail) (Command, error) {
	id, err := a.id()
	if err != nil {
		return Command{}, err
	}
	params := a.Request.Params
	args, overruled := arguments(params, p, serverID(id), t)
	if len(overruled) > 0 {
		a.Log.Warn("persisted variables are passed as options, since these would overrule the agent: RESET PERSIST them",
			"variables", strings.Join(overruled, " "))
	}
	return Command{
		Binary: params.Text("binary"), Args: args, User: params.Text("user"), Group: params.Text("group"), Datadir: params.Text("datadir"),
		Logs:        []string{LogBase("log_bin", p.set, params), LogBase("relay_log", p.set, params)},
		ExitHook:    a.exitHook(),
		StopTimeout: a.Request.Timeout, OpenFiles: 1 << 16,
	}, nil
}

// arguments is PURE. What safety depends on comes last and wins; names of logs
// yield to the server's configuration. Overruled are the persisted variables that
// would have won over it all the same.
func arguments(params Params, p program, server uint32, t tail) (args, overruled []string) {
	args = []string{
		"--defaults-file=" + params.Text("config"),
		"--user=" + params.Text("user"),
		"--datadir=" + params.Text("datadir"),
		"--socket=" + params.Text("socket"),
		"--pid-file=" + params.Text("pid"),
		"--log-error=" + params.Text("log"),
		"--port=" + params.Text("replication_port"),
	}
	for _, option := range []string{"log_bin", "relay_log"} {
		if p.set[option] == "" {
			args = append(args, "--"+strings.ReplaceAll(option, "_", "-")+"="+LogBase(option, p.set, params))
		}
	}
	if loopbackOnly(p.set["bind_address"]) {
		args = append(args, "--bind-address=*")
	}
	args = append(args, strings.Fields(params.Text("additional_parameters"))...)
	id := "--server-id=" + strconv.FormatUint(uint64(server), 10)
	if p.flavour == gtid.MariaDB {
		return append(append(args, id), p.mariadb(t)...), nil
	}
	own := append([]string{id}, p.mysql(t)...)
	carried, overruled := p.carry(own)
	return append(append(args, carried...), own...), overruled
}

// loopbackOnly: a server bound to loopback only, as Debian's, cannot be replicated
// from. MySQL takes a list. Nothing at all is the flavours' default, not the same
// everywhere.
func loopbackOnly(bind string) bool {
	for one := range strings.SplitSeq(bind, ",") {
		one = strings.TrimSpace(one)
		if one != "" && one != "localhost" && one != "::1" && !strings.HasPrefix(one, "127.") {
			return false
		}
	}
	return true
}

// serverID is PURE: the server's number is that of its data, not of its node. A
// server skips, silently, transactions that carry its own number (tried: MariaDB
// 10.11; MySQL 9.7 the same); a former primary whose tail was cut off, or that was
// restored from a backup, must get its own former transactions back from the others.
func serverID(id scoring.NodeID) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id.String()))
	return max(h.Sum32(), 1)
}

// chosen tells whether the operator has set one of the options.
func (p program) chosen(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := p.set[name]; return ok })
}

// has tells whether the binary knows an option, written as on the command line.
func (p program) has(option string) bool {
	_, ok := p.known[OptionName(option)]
	return ok
}

// either writes an option under the first of its names that the binary knows, or
// not at all: names changed, and options were removed.
func (p program) either(value string, names ...string) []string {
	for _, name := range names {
		if p.has(name) {
			return []string{fmt.Sprintf("--%s=%s", name, value)}
		}
	}
	return nil
}
