package ocf

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// metaActions is advice to pcs and crmsh; Pacemaker reads none of the numbers.
const metaActions = `<actions>
<action name="start" timeout="120s"/>
<action name="stop" timeout="120s"/>
<action name="promote" timeout="120s"/>
<action name="demote" timeout="60s"/>
<action name="monitor" depth="10" timeout="30s" interval="5s" role="Promoted"/>
<action name="monitor" depth="10" timeout="30s" interval="6s" role="Unpromoted"/>
<action name="monitor" depth="20" timeout="30s" interval="60s" role="Promoted"/>
<action name="monitor" depth="20" timeout="30s" interval="61s" role="Unpromoted"/>
<action name="notify" timeout="30s"/>
<action name="reload-agent" timeout="20s"/>
<action name="validate-all" timeout="20s"/>
<action name="meta-data" timeout="5s"/>
</actions>
`

// WriteMetaData prints the agent's description (OCF resource agent API 1.1).
// The DOCTYPE with its internal subset is the form that ocf-tester's DTD, pcs
// and crmsh all accept; an encoding in the XML declaration breaks crmsh.
func WriteMetaData(w io.Writer, version string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [
<!ATTLIST parameter reloadable (1|0) "0" unique-group CDATA #IMPLIED>
<!ATTLIST action name CDATA #REQUIRED>
]>
<resource-agent name="mysql" version="%s">
<version>1.1</version>
<longdesc lang="en">
Runs MySQL or MariaDB with replication as a promotable clone: elects the
new primary by proof that nothing acknowledged is lost, moves a virtual IP with it,
and brings failed nodes back. Set the clone's meta attributes promotable=true and
notify=true.
</longdesc>
<shortdesc lang="en">MySQL/MariaDB replication (promotable clone)</shortdesc>
<parameters>
`, text(version))
	for _, p := range Table {
		fmt.Fprintf(&b, `<parameter name="%s" required="0" unique="0"`, p.Name)
		if p.Unique != "" {
			fmt.Fprintf(&b, ` unique-group="%s"`, p.Unique)
		}
		if p.Reloadable {
			b.WriteString(` reloadable="1"`)
		}
		fmt.Fprintf(&b, ">\n<longdesc lang=\"en\">\n%s\n</longdesc>\n<shortdesc lang=\"en\">%s</shortdesc>\n<content type=\"%s\"",
			text(p.Describe()), text(p.Short), p.contentType())
		if p.Default != "" {
			fmt.Fprintf(&b, ` default="%s"`, text(p.Default))
		}
		b.WriteString("/>\n</parameter>\n")
	}
	b.WriteString("</parameters>\n" + metaActions + "</resource-agent>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// Describe is the long description with what is accepted.
func (p Param) Describe() string {
	if len(p.Or) > 0 {
		return fmt.Sprintf("%s By default the first of %s, %s that exists.", p.Long, p.Default, strings.Join(p.Or, ", "))
	}
	switch p.Kind {
	case KindInt:
		return fmt.Sprintf("%s From %d to %d.", p.Long, p.Min, p.Max)
	case KindDuration:
		return fmt.Sprintf("%s From %ds to %ds.", p.Long, p.Min, p.Max)
	}
	return p.Long
}

func (p Param) contentType() string {
	switch p.Kind {
	case KindInt:
		return "integer"
	case KindBool:
		return "boolean"
	}
	// The DTD knows no select and pcs no duration: text, checked by validate-all.
	return "string"
}

func text(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer does not fail
	return b.String()
}
