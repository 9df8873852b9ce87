package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// page is a manual page in the making, in man(7)'s language.
type page struct{ strings.Builder }

// newPage begins with the title. made is left out where it is zero.
func newPage(title string, section int, made time.Time, book string) *page {
	p := &page{}
	date := ""
	if !made.IsZero() {
		date = made.Format("2006-01-02")
	}
	fmt.Fprintf(p, ".TH %s %d %q %q %q\n", roff(title), section, date, "mysql-ha "+version, book)
	// No hyphens and no stretched blanks: commands are read off the page.
	p.WriteString(".nh\n.ad l\n")
	return p
}

func (p *page) section(name string) { fmt.Fprintf(p, ".SH %s\n", roff(strings.ToUpper(name))) }

func (p *page) text(s string) { fmt.Fprintf(p, "%s\n", roff(s)) }

func (p *page) paragraph(s string) { fmt.Fprintf(p, ".PP\n%s\n", roff(s)) }

// item is a term in bold, and what it means.
func (p *page) item(term, s string) { fmt.Fprintf(p, ".TP\n\\fB%s\\fR\n%s\n", roff(term), roff(s)) }

// verbatim is shown as it is.
func (p *page) verbatim(s string) {
	p.WriteString(".PP\n.nf\n.RS 4\n")
	for line := range strings.Lines(s) {
		fmt.Fprintf(p, "%s\n", roff(strings.TrimRight(line, "\n")))
	}
	p.WriteString(".RE\n.fi\n")
}

// roff escapes text, which may not begin a line with what would be a request. A minus
// stays one, to be copied.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// exitCodes are those of the commands.
var exitCodes = [][2]string{
	{"0", "Done; for status: healthy."},
	{"1", "It failed, and standard error says why. For status: somebody has to look."},
	{"2", "It was not confirmed, and nothing was done. For status: nobody can write."},
	{"3", "For status and explain: it cannot be told from here."},
	{strconv.Itoa(usageError), "The command line is wrong."},
}

// placesOf are the files of the command and the agent.
var placesOf = [][2]string{
	{"/etc/mysql-ha/credentials", "The accounts, root's alone (0600); /etc/mysql-ha/credentials.example shows the form."},
	{"/usr/lib/ocf/resource.d/mysql-ha/mysql", "The resource agent: a link to the command."},
	{"/var/lib/mysql-ha", "What this node must remember, and the copies of whatever was discarded (quarantine). No package removes it."},
	{"/run/mysql-ha", "Sockets and locks."},
	{"/usr/share/doc/mysql-ha", "How it decides, what to do when, examples for pcs and crmsh."},
}

// commandPage is mysql-ha(8).
func commandPage(made time.Time) (string, error) {
	all, err := commands()
	if err != nil {
		return "", err
	}
	p := newPage("MYSQL-HA", 8, made, "System administration")
	p.section("name")
	p.text("mysql-ha - look at and repair MySQL and MariaDB replication under Pacemaker")
	p.section("synopsis")
	for i, n := range all {
		if i > 0 {
			p.WriteString(".br\n")
		}
		p.text("mysql-ha " + synopsis(n))
	}
	p.section("description")
	p.text("The operator's side of the resource agent ocf:mysql-ha:mysql, described in ocf_mysql-ha_mysql(7). It runs on a node of " +
		"the cluster, as root. Commands that change something say what they will do, and ask.")
	p.paragraph("Called by Pacemaker, through the link in the agents' directory, the same program is the agent.")
	p.section("commands")
	for _, n := range all {
		fmt.Fprintf(p, ".SS %s\n", roff(n.Name))
		p.text(n.Help)
		for part := range strings.SplitSeq(n.Detail, "\n\n") {
			if part = oneLine(part); part != "" {
				p.paragraph(part)
			}
		}
		for _, a := range n.Positional {
			p.item(strings.ToUpper(a.Name), a.Help)
		}
		for _, f := range n.Flags {
			if f.Name != "help" {
				p.item(flagWord(f), describeFlag(f))
			}
		}
	}
	p.section("exit status")
	for _, c := range exitCodes {
		p.item(c[0], c[1])
	}
	p.section("files")
	for _, f := range placesOf {
		p.item(f[0], f[1])
	}
	p.section("see also")
	p.text("ocf_mysql-ha_mysql(7), crm_mon(8), crm_resource(8), crm_attribute(8), pcs(8), crm(8)")
	return p.String(), nil
}

// completion is bash's: commands, their flags, and names that the cluster knows.
func completion() (string, error) {
	all, err := commands()
	if err != nil {
		return "", err
	}
	var names []string
	var flags strings.Builder
	for _, n := range all {
		names = append(names, n.Name)
		fmt.Fprintf(&flags, "  %s) words=%q ;;\n", n.Name, strings.Join(flagNames(n), " "))
	}
	return fmt.Sprintf(completionForm, strings.Join(names, " "), flags.String()), nil
}

func flagNames(n *kong.Node) []string {
	var names []string
	for _, f := range n.Flags {
		names = append(names, "--"+f.Name)
	}
	return names
}

// completionForm asks the cluster for names, a second at most.
const completionForm = `# bash completion for mysql-ha

_mysql_ha() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=
  # --flag=VALUE is three words to bash.
  if [ "$word" = "=" ]; then
    word=
  elif [ "$before" = "=" ]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W "%s" -- "$word"))
    return
  fi
  case ${COMP_WORDS[1]} in
%s  esac
  case $before in
  --resource) words=$(timeout 1 crm_resource --list-raw 2>/dev/null | sed 's/:[0-9]*$//' | sort -u) ;;
  --node | explain) [ "${word#-}" != "$word" ] || words=$(timeout 1 crm_node --list 2>/dev/null | awk '{print $2}') ;;
  --flavour) words="mariadb mysql" ;;
  --file | --credentials)
    COMPREPLY=($(compgen -f -- "$word"))
    return
    ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
} && complete -F _mysql_ha mysql-ha
`
