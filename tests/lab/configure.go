package lab

import (
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	resourceID = "db"
	cloneID    = "db-clone"
)

// Config is how the resource is loaded.
type Config struct {
	// Agent is the resource class, provider and type; ours when empty.
	Agent string
	// Params override the defaults; an empty value removes one.
	Params map[string]string
	// Meta overrides meta attributes of the clone.
	Meta map[string]string
	// Property overrides cluster properties.
	Property map[string]string
	// Deep has monitors of depth 20, too.
	Deep bool
}

// DefaultParams is all that a user has to set.
func DefaultParams() map[string]string {
	return map[string]string{
		"credentials": "/etc/mysql-ha/credentials",
		"virtual_ip":  VirtualIP + "/24",
	}
}

func (l *Lab) writeCredentials(nd Node) error {
	path := filepath.Join(nd.root(), "etc/mysql-ha/credentials")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	text := l.System.admin() + fmt.Sprintf("[replication]\nuser = repl\npassword = %s\n", l.Password)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}

// moduleRoot is the nearest folder upwards that has a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
		if dir == "/" {
			return "", fmt.Errorf("not inside the source tree: no go.mod")
		}
	}
}

// Configure loads properties and the resource, replacing what was there.
func (l *Lab) Configure(ctx context.Context, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	s, err := l.QuorateStatus(ctx)
	if err != nil {
		return err
	}
	l.Moved = c.Params["virtual_ip"]
	if err := l.save(); err != nil {
		return err
	}
	prop := map[string]string{
		"stonith-enabled": "false", "no-quorum-policy": "stop", "cluster-recheck-interval": "60s",
		"load-threshold": "1000%", // see seedCIB
	}
	maps.Copy(prop, c.Property)
	for _, name := range slices.Sorted(maps.Keys(prop)) {
		if _, _, err := l.Exec(ctx, s.DC, "crm_attribute", "--type", "crm_config", "--name", name, "--update", prop[name]); err != nil {
			return err
		}
	}
	for _, part := range []struct{ scope, xml string }{
		{"constraints", "<constraints/>"},
		{"resources", c.resources(l.System, len(l.Nodes))},
	} {
		if _, _, err := l.Exec(ctx, s.DC, "cibadmin", "--replace", "--scope", part.scope, "--xml-text", part.xml); err != nil {
			return err
		}
	}
	// The default names are all that validation knows to complain about.
	_, _, err = l.Exec(ctx, s.DC, "crm_verify", "--live-check")
	return err
}

func (c Config) resources(sys System, nodes int) string {
	params := DefaultParams()
	maps.Copy(params, sys.facts().params)
	maps.Copy(params, c.Params)
	meta := map[string]string{
		"promotable": "true", "notify": "true", "interleave": "true", "clone-max": fmt.Sprint(nodes),
	}
	maps.Copy(meta, c.Meta)
	agent := c.Agent
	if agent == "" {
		agent = "ocf:mysql-ha:mysql"
	}
	part := strings.Split(agent, ":")
	var b strings.Builder
	fmt.Fprintf(&b, `<resources><clone id="%s">`, cloneID)
	b.WriteString(nvset("meta_attributes", cloneID+"-meta", meta))
	fmt.Fprintf(&b, `<primitive id="%s" class="%s" provider="%s" type="%s">`, resourceID, part[0], part[1], part[2])
	b.WriteString(nvset("instance_attributes", resourceID+"-params", params))
	b.WriteString(nvset("meta_attributes", resourceID+"-meta", map[string]string{"failure-timeout": "60s"}))
	b.WriteString(`<operations>
<op id="db-start" name="start" interval="0" timeout="120s"/>
<op id="db-stop" name="stop" interval="0" timeout="120s"/>
<op id="db-promote" name="promote" interval="0" timeout="120s" on-fail="demote"/>
<op id="db-demote" name="demote" interval="0" timeout="60s"/>
<op id="db-notify" name="notify" interval="0" timeout="30s"/>
<op id="db-monitor-promoted" name="monitor" interval="5s" role="Promoted" timeout="30s" on-fail="demote">
<instance_attributes id="db-monitor-promoted-params"><nvpair id="db-monitor-promoted-level" name="OCF_CHECK_LEVEL" value="10"/></instance_attributes></op>
<op id="db-monitor-unpromoted" name="monitor" interval="6s" role="Unpromoted" timeout="30s">
<instance_attributes id="db-monitor-unpromoted-params"><nvpair id="db-monitor-unpromoted-level" name="OCF_CHECK_LEVEL" value="10"/></instance_attributes></op>`)
	if c.Deep {
		b.WriteString(deepMonitors)
	}
	b.WriteString(`</operations></primitive></clone></resources>`)
	return b.String()
}

// deepMonitors come more often than anybody would have them, so that stories are short.
const deepMonitors = `
<op id="db-monitor-promoted-deep" name="monitor" interval="7s" role="Promoted" timeout="30s" on-fail="demote">
<instance_attributes id="db-monitor-promoted-deep-params"><nvpair id="db-monitor-promoted-deep-level" name="OCF_CHECK_LEVEL" value="20"/></instance_attributes></op>
<op id="db-monitor-unpromoted-deep" name="monitor" interval="8s" role="Unpromoted" timeout="30s">
<instance_attributes id="db-monitor-unpromoted-deep-params"><nvpair id="db-monitor-unpromoted-deep-level" name="OCF_CHECK_LEVEL" value="20"/></instance_attributes></op>
`

func nvset(kind, id string, values map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<%s id="%s">`, kind, id)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == "" {
			continue
		}
		var v strings.Builder
		_ = xml.EscapeText(&v, []byte(values[name])) // a strings.Builder never fails
		fmt.Fprintf(&b, `<nvpair id="%s-%s" name="%s" value="%s"/>`, id, name, name, v.String())
	}
	fmt.Fprintf(&b, "</%s>", kind)
	return b.String()
}
