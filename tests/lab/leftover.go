package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// pacemakerLog is where a node's Pacemaker tells what became of every action.
const pacemakerLog = "/var/log/pacemaker/pacemaker.log"

// mark remembers how long every node's log is when a story begins.
func (s *Story) mark() {
	s.logAt = map[string]int64{}
	for _, nd := range s.Nodes {
		if info, err := os.Stat(filepath.Join(nd.root(), pacemakerLog)); err == nil {
			s.logAt[nd.Name] = info.Size()
		}
	}
}

var timedOut = regexp.MustCompile(`Result of (\w+) operation for ` + resourceID + ` on (\w+): Timed Out`)

// TimedOut lists the actions of our resource that Pacemaker had to end since the
// story began, such as "demote on db1".
func (s *Story) TimedOut() ([]string, error) {
	var found []string
	for _, nd := range s.Nodes {
		b, err := os.ReadFile(filepath.Join(nd.root(), pacemakerLog))
		if err != nil {
			return nil, err
		}
		at := s.logAt[nd.Name]
		if at > int64(len(b)) {
			at = 0
		}
		for _, m := range timedOut.FindAllSubmatch(b[at:], -1) {
			found = append(found, fmt.Sprintf("%s on %s", m[1], m[2]))
		}
	}
	return found, nil
}

// leftoverScript prints what should not be there, a line each. $1 is how pgrep finds
// the server, the rest its arguments. An action may run at any instant, but not for
// long; nothing may be stopped, and nothing dead may stay.
const leftoverScript = `n=$(pgrep "$@" | wc -l)
test "$n" = 1 || echo "$n database servers run"
ps -eo pid=,stat=,etimes=,args= | while read -r pid stat age args; do
  case $stat in
  T*) echo "process $pid is stopped: $args" ;;
  Z*) test "$age" -lt 10 || echo "process $pid is dead and not collected: $args" ;;
  esac
  case $args in
  */mysql-ha/mysql\ * | *mysql-ha\ hook*) test "$age" -lt 40 || echo "an agent runs for $age s: $args" ;;
  esac
done
nft list ruleset | sed 's/^/packet filter: /'
`

// LeftOver demands that nothing is left of a fault: processes, mounts, addresses,
// attributes, constraints, and that no action ran into its deadline unless the story
// expects that.
func (s *Story) LeftOver(ctx context.Context, timeout time.Duration, mayTimeOut bool) error {
	if s.fencer != nil {
		if err := s.Fencing(ctx, false); err != nil {
			return err
		}
	}
	if err := s.AwaitHealthy(ctx, timeout); err != nil {
		return err
	}
	err := poll(ctx, timeout, time.Second, func(ctx context.Context) error {
		var errs []error
		for _, nd := range s.Nodes {
			for _, what := range s.leftOn(ctx, nd) {
				errs = append(errs, fmt.Errorf("%s: %s", nd.Name, what))
			}
		}
		return errors.Join(append(errs, s.leftInCluster(ctx))...)
	})
	if err != nil {
		return fmt.Errorf("left over: %w", err)
	}
	late, err := s.TimedOut()
	if err != nil {
		return err
	}
	if len(late) > 0 && !mayTimeOut {
		return fmt.Errorf("ran into their deadlines: %s", strings.Join(late, ", "))
	}
	return nil
}

func (s *Story) leftOn(ctx context.Context, nd Node) (what []string) {
	if !s.IsOn(nd.Name) || frozen(nd.Name) {
		return []string{"is off or frozen"}
	}
	out, _, err := s.Exec(ctx, nd.Name, append([]string{"sh", "-c", leftoverScript, "leftover"}, s.System.facts().process...)...)
	if err != nil {
		return []string{err.Error()}
	}
	what = lines(out)
	mounts, err := mountsBelow(nd.root())
	if err != nil {
		return append(what, err.Error())
	}
	if want := 1 + len(s.volumes); len(mounts) != want {
		what = append(what, fmt.Sprintf("mounts: %v", mounts))
	}
	out, _, err = run(ctx, os.Environ(), "ip", "-n", netns(nd.Name), "-o", "-4", "addr", "show", "dev", "eth0", "scope", "global")
	if err != nil {
		return append(what, err.Error())
	}
	for _, line := range lines(out) {
		if !strings.Contains(line, " "+nd.IP+"/") && !strings.Contains(line, " "+VirtualIP+"/") {
			what = append(what, "address: "+line)
		}
	}
	if ballot, err := s.Attribute(ctx, nd.Name, resourceID+"-ballot"); err == nil && ballot != "" {
		what = append(what, "its ballot is still published")
	}
	if reason, err := s.Attribute(ctx, nd.Name, resourceID+"-reason"); err == nil && reason != "primary" && reason != "promotable" {
		what = append(what, "reason: "+reason)
	}
	return what
}

// leftovers are paths into the configuration that a story must have emptied.
var leftovers = map[string]string{
	"constraint":       "//constraints/*",
	"fencing":          "//primitive[@class='stonith']",
	"standby":          "//nodes//nvpair[@name='standby' and (@value='on' or @value='true')]",
	"maintenance":      "//nvpair[@name='maintenance-mode' and @value='true']",
	"story's property": "//crm_config//nvpair[starts-with(@name,'story')]",
}

func (s *Story) leftInCluster(ctx context.Context) error {
	by, err := s.anyone(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for name, path := range leftovers {
		out, _, err := s.Exec(ctx, by, "cibadmin", "--query", "--xpath", path)
		if err == nil {
			errs = append(errs, fmt.Errorf("%s: %s", name, strings.TrimSpace(out)))
		}
	}
	out, _, err := run(ctx, os.Environ(), "ip", "netns", "exec", lan, "nft", "list", "ruleset")
	if err != nil {
		errs = append(errs, err)
	}
	if out != "" {
		errs = append(errs, errors.New("the switch still filters"))
	}
	return errors.Join(errs...)
}
