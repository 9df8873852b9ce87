package ledger

import (
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Clock tells the wall-clock time and the time since boot.
type Clock struct{}

var _ ocf.Clock = Clock{}

func (Clock) Now() time.Time                { return time.Now() }
func (Clock) Sleep(d time.Duration)         { time.Sleep(d) }
func (Clock) Boot() (string, time.Duration) { return "", 0 }
