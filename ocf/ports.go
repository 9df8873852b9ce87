package ocf

import (
	"context"
	"errors"
	"time"
)

// ErrNoCluster means that no cluster runs here (ocf-tester, by hand), as opposed
// to a cluster tool that failed, which is never read as "alone".
var ErrNoCluster = errors.New("no cluster is running here")

// ErrInterrupted means that a program was killed, or had no time to answer: what it
// would have said is not known.
var ErrInterrupted = errors.New("it was interrupted")

// ErrNoResource means that the cluster knows no resource of that name.
var ErrNoResource = errors.New("no such resource")

// Attributes are what nodes tell each other: node attributes that vanish with
// their node. Names are complete; values are opaque. Private ones are never in
// the CIB.
type Attributes interface {
	// Publish sets an attribute of this node and returns when it is seen to be set.
	Publish(ctx context.Context, private bool, name, value string) error
	// Hint sets a private one without waiting for it to be seen.
	Hint(ctx context.Context, name, value string) error
	// Withdraw removes an attribute of this node and returns when it is seen gone.
	Withdraw(ctx context.Context, private bool, name string) error
	// Collect reads an attribute of all nodes; nodes without it are absent.
	Collect(ctx context.Context, name string) (map[string]string, error)
}

// Scores are what Pacemaker and the operator read and set.
type Scores interface {
	// SetScore writes this node's promotion score (transient). NegInf is -INFINITY.
	SetScore(ctx context.Context, score int) error
	// Shown reads a public transient attribute of this node as the CIB shows it.
	Shown(ctx context.Context, name string) (value string, ok bool, err error)
	// Permanent reads a permanent attribute of a node, as the operator sets it.
	Permanent(ctx context.Context, node, name string) (value string, ok bool, err error)
}

// RecordStore keeps the epoch record in the CIB.
type RecordStore interface {
	// ReadRecord returns the record's text; ok is false where there is none.
	ReadRecord(ctx context.Context) (text string, ok bool, err error)
	// WriteRecord replaces old, as it was read ("" for none), and returns when it
	// is read back as written. It fails where somebody else has written since.
	WriteRecord(ctx context.Context, old, text string) error
}

// Member is a node of the cluster.
type Member struct {
	Name   string
	ID     uint32
	Online bool // a member now
}

// Members tells who is in the cluster.
type Members interface {
	// Quorate also fails (ErrNoCluster, or the tool's error) rather than guess.
	Quorate(ctx context.Context) (bool, error)
	Members(ctx context.Context) ([]Member, error)
	// Managed is false while the resource is unmanaged or in maintenance mode.
	// ErrNoResource means that nothing has that name.
	Managed(ctx context.Context) (bool, error)
}

// Failures tells Pacemaker at once what it would learn from its next monitor.
type Failures interface {
	// Fail reports the instance on this node as failed, for a recovery.
	Fail(ctx context.Context) error
}

// Process is mysqld as the system sees it.
type Process struct {
	Running bool // a process of ours exists
	Ready   bool // it said so (Type=notify), or cannot say
	PID     int
	Status  string    // its own words: "InnoDB: recovering ..."
	Since   time.Time // start of this run
	Result  string    // how the last run ended: "success", "signal", ...
	Stray   string    // it works on our data directory, and is not ours: whose it is
}

// Command is what to run mysqld with. The argument list holds no secret.
type Command struct {
	Binary      string
	Args        []string
	User, Group string
	Datadir     string
	Logs        []string // what the files of the binary and the relay log begin with
	ExitHook    []string // run as root at process death, however it came
	StopTimeout time.Duration
	OpenFiles   uint64
}

// Unit runs mysqld: a transient systemd unit, or a process of its own session.
type Unit interface {
	// Look fails rather than guess.
	Look(ctx context.Context) (Process, error)
	// Start returns when the process exists; readiness is Look's to say.
	Start(ctx context.Context, c Command) error
	// Terminate asks mysqld to shut down cleanly (SIGTERM).
	Terminate(ctx context.Context) error
	// Kill ends it at once (SIGKILL) and returns when it is gone.
	Kill(ctx context.Context) error
}

// Strays are servers on our data directory that the unit did not start: Look shows
// them, Terminate and Kill end them.
type Strays interface {
	// Adopt makes the one that runs ours, without a restart: nobody else starts it
	// again, and its death runs the hook.
	Adopt(ctx context.Context, hook []string) error
}

// Background starts a short-lived companion of this binary that outlives the
// action: the address's announcements, the watch for the winner.
type Background interface {
	Spawn(ctx context.Context, name string, args ...string) error
}

// Address is the virtual IP on this node.
type Address interface {
	Held(ctx context.Context) (bool, error)
	// Usable is nil where its link carries it, else what to do about that.
	Usable(ctx context.Context) error
	// Rival probes although it is held here; an error names who else answered.
	Rival(ctx context.Context) error
	// Free probes; an error names who answered.
	Free(ctx context.Context) error
	Up(ctx context.Context) error
	Down(ctx context.Context) error
}

// Options tells of the server before it runs. Names have underscores for dashes.
type Options interface {
	// Configured returns what the server's own configuration files set.
	Configured(ctx context.Context, binary, config string) (map[string]string, error)
	// Known returns every option that the binary knows, with its default; those of
	// semi-sync plugins too, where it can load them from where set says.
	Known(ctx context.Context, binary string, set map[string]string) (map[string]string, error)
	// Persisted returns what SET PERSIST left in the data directory.
	Persisted(datadir string) (map[string]string, error)
}
