package ocf

import (
	"strconv"
	"strings"
	"time"
)

// Action is an OCF action word.
type Action string

// Actions of the agent.
const (
	Start       Action = "start"
	Stop        Action = "stop"
	Monitor     Action = "monitor"
	Promote     Action = "promote"
	Demote      Action = "demote"
	Notify      Action = "notify"
	ReloadAgent Action = "reload-agent"
	ValidateAll Action = "validate-all"
	MetaData    Action = "meta-data"
	Usage       Action = "usage"
)

// Actions lists what the agent implements, in the order of the usage text.
var Actions = []Action{Start, Stop, Monitor, Promote, Demote, Notify, ReloadAgent, ValidateAll, MetaData, Usage}

// defaultTimeout stands in where nobody says CRM_meta_timeout: the cluster's default.
const defaultTimeout = 20 * time.Second

// Request is what Pacemaker asks for, read from the environment.
type Request struct {
	Action   Action
	Resource string // primitive's id, without an instance number
	Node     string // cluster node name; "" where no cluster says
	Timeout  time.Duration
	Interval time.Duration // 0: a probe or a one-shot
	Role     string        // recurring monitors only
	Depth    int           // OCF_CHECK_LEVEL
	CloneMax int           // 1 where not a clone
	Notify   bool
	Clone    bool // runs as a clone
	Cluster  bool // the cluster called: its environment says so
	Told     bool // something of the resource was told: defaults are the operator's choice
	Note     Note
	Params   Params
}

// prefix of parameters, and of the cluster's own words among them.
const (
	paramPrefix = "OCF_RESKEY_"
	metaPrefix  = paramPrefix + "CRM_meta_"
)

// ParseRequest reads the environment (KEY=VALUE words). A bad parameter is an
// error with the Request still usable for stop and monitor, which must answer
// with what they have.
func ParseRequest(action Action, environ []string) (Request, error) {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	meta := func(key string) string { return strings.TrimSpace(env[metaPrefix+key]) }
	r := Request{
		Action:   action,
		Resource: env["OCF_RESOURCE_INSTANCE"],
		Node:     meta("on_node"),
		Timeout:  defaultTimeout,
		Role:     meta("role"),
		CloneMax: 1,
		Note:     parseNote(env),
	}
	r.Resource, _, _ = strings.Cut(r.Resource, ":")
	if r.Resource == "" {
		r.Resource = "mysql"
	}
	// In milliseconds, which Pacemaker keeps in 32 bits.
	if ms, err := strconv.ParseUint(meta("timeout"), 10, 32); err == nil && ms > 0 {
		r.Timeout = time.Duration(ms) * time.Millisecond
	}
	if ms, err := strconv.ParseUint(meta("interval"), 10, 32); err == nil && ms > 0 {
		r.Interval = time.Duration(ms) * time.Millisecond
	}
	if n, err := strconv.Atoi(meta("clone_max")); err == nil && n > 0 {
		r.CloneMax, r.Clone = n, true
	}
	r.Notify = meta("notify") == "true"
	r.Cluster = r.Node != "" || r.Note.Present
	for key := range env {
		r.Told = r.Told || strings.HasPrefix(key, paramPrefix) && key != paramPrefix+"crm_feature_set"
	}
	var err error
	r.Params, err = ParseParams(func(name string) (string, bool) {
		v, ok := env[paramPrefix+name]
		return v, ok
	})
	if level := env["OCF_CHECK_LEVEL"]; level != "" && err == nil {
		if r.Depth, err = strconv.Atoi(level); err != nil {
			err = fail(ErrArgs, nil, "OCF_CHECK_LEVEL is %q, not a number", level)
		}
	}
	return r, err
}

// Budget is the time for the action's own work: Pacemaker's timeout less a
// margin, so that we give the reason before it sends SIGKILL.
func (r Request) Budget() time.Duration {
	margin := max(r.Timeout/10, time.Second)
	if margin > 5*time.Second {
		margin = 5 * time.Second
	}
	return max(r.Timeout-margin, r.Timeout/2)
}
