package main

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// metaData is the agent's description of itself.
type metaData struct {
	Name       string     `xml:"name,attr"`
	Long       string     `xml:"longdesc"`
	Short      string     `xml:"shortdesc"`
	Parameters []metaRow  `xml:"parameters>parameter"`
	Actions    []metaCall `xml:"actions>action"`
}

type metaRow struct {
	Name       string `xml:"name,attr"`
	Reloadable string `xml:"reloadable,attr"`
	Group      string `xml:"unique-group,attr"`
	Long       string `xml:"longdesc"`
	Short      string `xml:"shortdesc"`
	Content    struct {
		Type    string `xml:"type,attr"`
		Default string `xml:"default,attr"`
	} `xml:"content"`
}

type metaCall struct {
	Name     string `xml:"name,attr"`
	Depth    string `xml:"depth,attr"`
	Timeout  string `xml:"timeout,attr"`
	Interval string `xml:"interval,attr"`
	Role     string `xml:"role,attr"`
}

func describedAgent() (metaData, error) {
	var b bytes.Buffer
	var m metaData
	if err := ocf.WriteMetaData(&b, version); err != nil {
		return m, err
	}
	err := xml.Unmarshal(b.Bytes(), &m)
	return m, err
}

// facts are a parameter's type, default and what a change of it does.
func (p metaRow) facts() string {
	text := p.Content.Type
	if p.Content.Default != "" {
		text += ", default " + p.Content.Default
	}
	if p.Reloadable == "1" {
		text += ", changed while it runs"
	}
	if p.Group != "" {
		text += ", no two resources of a cluster share it"
	}
	return text
}

func (a metaCall) facts() string {
	var words []string
	for _, f := range [][2]string{{"role", a.Role}, {"interval", a.Interval}, {"timeout", a.Timeout}, {"OCF_CHECK_LEVEL", a.Depth}} {
		if f[1] != "" {
			words = append(words, f[0]+"="+f[1])
		}
	}
	return strings.Join(words, " ")
}

// agentCodes are what Pacemaker reads.
var agentCodes = []struct {
	code ocf.Code
	text string
}{
	{ocf.Success, "Done; for a monitor: runs as a replica."},
	{ocf.ErrGeneric, "It failed. Pacemaker recovers it."},
	{ocf.ErrUnimplemented, "The action is not one of the agent's."},
	{ocf.ErrPerm, "This node does not let it: ownership or modes of a file. Pacemaker tries another node."},
	{ocf.ErrInstalled, "Something is missing on this node. Pacemaker tries another node."},
	{ocf.ErrConfigured, "A parameter is wrong, on every node. Pacemaker stops the resource."},
	{ocf.NotRunning, "It does not run."},
	{ocf.RunningPromoted, "Runs as the primary."},
	{ocf.FailedPromoted, "Is the primary, and failed."},
	{ocf.Degraded, "Runs as a replica, and somebody should look at the reason."},
	{ocf.DegradedPromoted, "Runs as the primary, and somebody should look at the reason."},
}

// agentPage is ocf_mysql-ha_mysql(7), named as the agents' pages of Debian are.
func agentPage(made time.Time) (string, error) {
	m, err := describedAgent()
	if err != nil {
		return "", err
	}
	p := newPage("OCF_MYSQL-HA_MYSQL", 7, made, "OCF resource agents")
	p.section("name")
	p.text("ocf_mysql-ha_mysql - " + m.Short)
	p.section("synopsis")
	words := make([]string, len(ocf.Actions))
	for i, a := range ocf.Actions {
		words[i] = string(a)
	}
	p.text(m.Name + " [" + strings.Join(words, " | ") + "]")
	p.section("description")
	p.text(oneLine(m.Long))
	p.paragraph("Complete configurations for pcs and crmsh are in /usr/share/doc/mysql-ha/examples.")
	p.section("parameters")
	for _, r := range m.Parameters {
		p.item(r.Name, cmp.Or(oneLine(r.Long), r.Short))
		fmt.Fprintf(p, ".br\n(%s)\n", roff(r.facts()))
	}
	p.section("actions")
	p.text("As the agent advises; pcs and crmsh take intervals and timeouts from here where the configuration has none.")
	for _, a := range m.Actions {
		p.item(a.Name, a.facts())
	}
	p.section("exit status")
	for _, c := range agentCodes {
		p.item(fmt.Sprint(int(c.code)), c.text)
	}
	p.section("files")
	for _, f := range placesOf {
		p.item(f[0], f[1])
	}
	p.section("see also")
	p.text("mysql-ha(8), crm_mon(8), crm_resource(8), pcs(8), crm(8)")
	return p.String(), nil
}

// parameterList is the parameters in Markdown.
func parameterList() (string, error) {
	m, err := describedAgent()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Parameters of ocf:mysql-ha:mysql\n\nMade from the agent's own table (`mysql-ha document parameters`).\n")
	for _, r := range m.Parameters {
		fmt.Fprintf(&b, "\n## %s\n\n%s: %s.\n\n%s\n", r.Name, strings.ToUpper(r.Short[:1])+r.Short[1:], r.facts(), oneLine(r.Long))
	}
	return b.String(), nil
}
