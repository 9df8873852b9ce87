package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mysql-ha/mysql-ha/ocf/pacemaker"
	"github.com/mysql-ha/mysql-ha/ocf/report"
)

// reportFlags say where a report comes from.
type reportFlags struct {
	Resource string `default:"db" help:"Resource of the cluster that runs here." placeholder:"ID"`
	File     string `help:"Read what status --json printed instead: no root and no cluster is needed." placeholder:"JSON" type:"path"`
	JSON     bool   `help:"Print JSON."`
}

// report reads it. Whatever fails, nothing can be told.
func (f reportFlags) report(d *desk) (report.Report, error) {
	r, err := f.read(d)
	if err != nil {
		return r, exitCode{int(report.Untold), err}
	}
	return r, nil
}

func (f reportFlags) read(d *desk) (report.Report, error) {
	if f.File == "" {
		a, err := clusterAgent(d, f.Resource, pacemaker.Still)
		if err != nil {
			return report.Report{}, err
		}
		s, err := a.Situation(d.ctx)
		return report.Report(s), err
	}
	text, err := os.ReadFile(f.File)
	if err != nil {
		return report.Report{}, err
	}
	r, err := parseReport(text)
	if err != nil {
		return report.Report{}, fmt.Errorf("%s: %w", f.File, err)
	}
	return r, nil
}

// parseReport reads what status --json printed.
func parseReport(text []byte) (report.Report, error) {
	var printed statusReport
	if err := json.Unmarshal(text, &printed); err != nil {
		return report.Report{}, err
	}
	if printed.Cluster.Resource == "" {
		return report.Report{}, errors.New("not what mysql-ha status --json prints")
	}
	return printed.Report, nil
}

// statusReport is status --json: what was found, then what it was found in.
type statusReport struct {
	Health   int              `json:"health"` // the exit code
	Findings []report.Finding `json:"findings"`
	report.Report
}

type statusCmd struct{ reportFlags }

// Help lists the exit codes.
func (statusCmd) Help() string {
	return fmt.Sprintf(`Exit code: %d healthy; %d it works, and somebody has to look; %d critical: nobody can write, or nobody may rely on what is written; %d cannot be told from here (no cluster, no quorum, an unreadable record); %d wrong usage.`,
		report.Healthy, report.Attention, report.Critical, report.Untold, usageError)
}

func (c *statusCmd) Run(d *desk) error {
	r, err := c.report(d)
	if err != nil {
		return err
	}
	health := int(r.Health())
	if c.JSON {
		err = printJSON(d.out, statusReport{health, append([]report.Finding{}, r.Findings()...), r})
	} else {
		_, err = fmt.Fprint(d.out, r.Status())
	}
	switch {
	case err != nil:
		return exitCode{int(report.Untold), err}
	case health != 0:
		return exitCode{code: health}
	}
	return nil
}

type explainCmd struct {
	Node string `arg:"" help:"Node to explain."`
	reportFlags
}

// Help lists the exit codes.
func (explainCmd) Help() string {
	return fmt.Sprintf("Exit code: 0 explained; %d cannot be told from here; %d wrong usage, or no such node.", report.Untold, usageError)
}

func (c *explainCmd) Run(d *desk) error {
	r, err := c.report(d)
	if err != nil {
		return err
	}
	e, err := r.Explain(c.Node)
	if err != nil {
		return exitCode{usageError, err}
	}
	if c.JSON {
		return printJSON(d.out, e)
	}
	_, err = fmt.Fprint(d.out, e)
	return err
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // commands are to be copied
	return enc.Encode(v)
}
