package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	fenceID = "fence"
	// fenceDir is a folder on every node's disk. A fence agent leaves its request
	// there, and the lab's own process, which sees all disks, answers: a way that does
	// not depend on the network that may just be cut.
	fenceDir = "/var/lib/lab-fence"
	// fenceAgent is the nodes' file. Pacemaker finds agents of this kind by their name.
	fenceAgent = "/usr/sbin/fence_lab"
)

// fenceScript speaks the fence agents' API: parameters on standard input.
const fenceScript = `#!/bin/sh
# Takes a node's power, and gives it back. The lab's process does it: see fencing.go.
action=reboot plug=
while read -r line; do
  case $line in
  action=*) action=${line#*=} ;;
  port=*) plug=${line#*=} ;;
  esac
done
case $action in
metadata)
  cat <<'XML'
<?xml version="1.0" ?>
<resource-agent name="fence_lab" shortdesc="The lab's power switch">
<longdesc>The lab's power switch.</longdesc>
<vendor-url>none</vendor-url>
<parameters>
<parameter name="action" unique="0" required="1"><content type="string" default="reboot"/><shortdesc lang="en">Action</shortdesc></parameter>
<parameter name="port" unique="0" required="0"><content type="string"/><shortdesc lang="en">Node</shortdesc></parameter>
</parameters>
<actions>
<action name="on" automatic="0"/><action name="off"/><action name="reboot"/>
<action name="status"/><action name="list"/><action name="monitor"/><action name="metadata"/>
</actions>
</resource-agent>
XML
  exit 0 ;;
monitor | status) test -d ` + fenceDir + `; exit ;;
list) printf '%s,\n' db1 db2 db3; exit 0 ;;
on | off | reboot) ;;
*) exit 1 ;;
esac
file=` + fenceDir + `/$$
echo "$action $plug" >"$file.new"
mv "$file.new" "$file.request"
n=0
until test -e "$file.answer"; do
  n=$((n + 1)); test $n -lt 400 || exit 1
  sleep 0.05
done
read -r answer <"$file.answer"
rm -f "$file.answer"
test "$answer" = done
`

// fencer answers the nodes' fence agents.
type fencer struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex
	fenced []string // nodes, in order
}

func (f *fencer) note(node string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fenced = append(f.fenced, node)
}

func (f *fencer) has(node string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.fenced, node)
}

// Fencing switches fencing on (a power switch for every node, stonith-enabled) or off.
func (s *Story) Fencing(ctx context.Context, on bool) error {
	if !on {
		s.endFencer()
		return s.unfence(ctx)
	}
	if s.fencer != nil {
		return errors.New("fencing is on")
	}
	for _, nd := range s.Nodes {
		if err := writeFile(filepath.Join(nd.root(), fenceAgent), fenceScript, 0o755); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(nd.root(), fenceDir), 0o755); err != nil {
			return err
		}
	}
	by, err := s.anyone(ctx)
	if err != nil {
		return err
	}
	fctx, cancel := context.WithCancel(context.Background())
	s.fencer = &fencer{cancel: cancel, ended: make(chan struct{})}
	go s.answerFencing(fctx, s.fencer)
	var names []string
	for _, nd := range s.Nodes {
		names = append(names, nd.Name)
	}
	primitive := fmt.Sprintf(`<primitive id="%s" class="stonith" type="%s">%s<operations><op id="%[1]s-monitor" name="monitor" interval="60s"/></operations></primitive>`,
		fenceID, filepath.Base(fenceAgent), nvset("instance_attributes", fenceID+"-params", map[string]string{
			"pcmk_host_check": "static-list", "pcmk_host_list": strings.Join(names, " "),
		}))
	if _, _, err := s.Exec(ctx, by, "cibadmin", "--create", "--scope", "resources", "--xml-text", primitive); err != nil {
		return err
	}
	if err := s.stonith(ctx, by, "true"); err != nil {
		return err
	}
	return poll(ctx, 30*time.Second, 200*time.Millisecond, func(ctx context.Context) error {
		out, _, err := s.Exec(ctx, by, "crm_resource", "--resource", fenceID, "--locate")
		if err == nil && !strings.Contains(out, "running on") {
			err = errors.New("the fencing device does not run")
		}
		return err
	})
}

func (s *Story) stonith(ctx context.Context, by, value string) error {
	_, _, err := s.Exec(ctx, by, "crm_attribute", "--type", "crm_config", "--name", "stonith-enabled", "--update", value)
	return err
}

// unfence removes the device from the configuration, where it is there.
func (s *Story) unfence(ctx context.Context) error {
	by, err := s.anyone(ctx)
	if err != nil {
		return err
	}
	if _, _, err := s.Exec(ctx, by, "cibadmin", "--query", "--xpath", "//primitive[@id='"+fenceID+"']"); err != nil {
		return nil // none is there
	}
	if err := s.stonith(ctx, by, "false"); err != nil {
		return err
	}
	_, _, err = s.Exec(ctx, by, "cibadmin", "--delete", "--xml-text", `<primitive id="`+fenceID+`"/>`)
	return err
}

func (s *Story) endFencer() {
	if s.fencer == nil {
		return
	}
	s.fencer.cancel()
	<-s.fencer.ended
	s.fencer = nil
}

// answerFencing does what the nodes' agents ask for, one after the other.
func (s *Story) answerFencing(ctx context.Context, f *fencer) {
	defer close(f.ended)
	for pause(ctx, 30*time.Millisecond) == nil {
		for _, nd := range s.Nodes {
			requests, _ := filepath.Glob(filepath.Join(nd.root(), fenceDir, "*.request"))
			slices.Sort(requests)
			for _, path := range requests {
				answer := "done"
				if err := s.fence(ctx, f, nd.Name, path); err != nil {
					s.logf("fencing: %v", err)
					answer = "failed"
				}
				to := strings.TrimSuffix(path, ".request") + ".answer"
				_ = os.WriteFile(to+".new", []byte(answer+"\n"), 0o644) // nobody hears: the agent times out
				_ = os.Rename(to+".new", to)
			}
		}
	}
}

// selfTest is how long a machine needs before it boots.
const selfTest = 5 * time.Second

// fence does one request; its file is gone first, so that it is done once.
func (s *Story) fence(ctx context.Context, f *fencer, by, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	action, node, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	s.logf("  %s asks to fence: %s %s", by, action, node)
	if action != "on" {
		if err := s.PowerOff(ctx, node); err != nil {
			return err
		}
		f.note(node)
	}
	if action == "off" {
		return nil
	}
	// Fencing is over when the power is off; the boot takes its own time, as that of a
	// machine does: Pacemaker on a node that hears of its own fencing ends for good.
	go func() {
		time.Sleep(selfTest)
		if err := s.PowerOn(context.WithoutCancel(ctx), node); err != nil {
			s.logf("fencing: %s: %v", node, err)
		}
	}()
	return nil
}

// AwaitFenced waits until a node has lost its power by fencing.
func (s *Story) AwaitFenced(ctx context.Context, node string, timeout time.Duration) error {
	if s.fencer == nil {
		return errors.New("fencing is off")
	}
	return poll(ctx, timeout, 100*time.Millisecond, func(context.Context) error {
		if !s.fencer.has(node) {
			return fmt.Errorf("%s was not fenced", node)
		}
		return nil
	})
}
