package pacemaker

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The record has a property set of its own, so that it is in nobody's way.
const (
	recordSet  = "mysql-ha"
	recordPath = "/cib/configuration/crm_config/cluster_property_set[@id='" + recordSet + "']/nvpair[@name='%s']"
)

func (c *Cluster) recordName() string { return c.resource + "-epoch" }

// ReadRecord reads this node's copy of the CIB. Every query does, whatever its
// options: a change that is still on its way here does not show.
func (c *Cluster) ReadRecord(ctx context.Context) (text string, ok bool, err error) {
	text, ok, err = c.nvpair(ctx, recordPath, c.recordName())
	if err != nil {
		return "", false, fmt.Errorf("read the epoch record: %w", err)
	}
	return text, ok, nil
}

// WriteRecord writes and reads back. A change of the CIB goes through the
// cluster's ordered messages and returns when it was applied here, so what is
// read afterwards is at least as new. It also succeeds in a partition without
// quorum: ask Quorate, too.
func (c *Cluster) WriteRecord(ctx context.Context, text string) error {
	if err := c.writeRecord(ctx, text); err != nil {
		return fmt.Errorf("write the epoch record: %w", err)
	}
	return nil
}

func (c *Cluster) writeRecord(ctx context.Context, text string) error {
	if err := checkValue(text); err != nil {
		return err
	}
	if _, _, err := c.run(ctx, nil, "crm_attribute", "--type=crm_config", "--set-name="+recordSet,
		"--name="+c.recordName(), "--update="+text); err != nil {
		return err
	}
	switch got, ok, err := c.nvpair(ctx, recordPath, c.recordName()); {
	case err != nil:
		return err
	case !ok:
		return errors.New("it was not there when read back")
	case got != text:
		return fmt.Errorf("read back as %s", abbreviate(got))
	}
	return nil
}

// nvpair reads the value of one name-value pair of the CIB; format is an XPath
// that takes names in single quotes.
func (c *Cluster) nvpair(ctx context.Context, format string, names ...string) (value string, ok bool, err error) {
	quoted := make([]any, len(names))
	for i, name := range names {
		if name == "" || strings.Contains(name, "'") {
			return "", false, fmt.Errorf("%q is not a name", name)
		}
		quoted[i] = name
	}
	out, code, err := c.run(ctx, []int{exitNoSuch, exitDeviceGone}, "cibadmin", "--query", "--xpath="+fmt.Sprintf(format, quoted...))
	if err != nil || code != 0 {
		return "", false, err
	}
	value, err = parseNVPair(out)
	if err != nil {
		return "", false, fmt.Errorf("cibadmin: %w", err)
	}
	return value, true, nil
}
