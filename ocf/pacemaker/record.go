package pacemaker

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// recordSet is a property set of the record's own, so that it is in nobody's way.
const recordSet = "mysql-ha"

func (c *Cluster) recordName() string { return c.resource + "-epoch" }

// ReadRecord reads this node's copy of the CIB.
func (c *Cluster) ReadRecord(ctx context.Context) (text string, ok bool, err error) {
	s, err := c.look(ctx)
	if err != nil {
		return "", false, fmt.Errorf("read the epoch record: %w", err)
	}
	text, ok = s.records[c.recordName()]
	if ok && text == "" {
		return "", false, errors.New("read the epoch record: it has no value")
	}
	return text, ok, nil
}

// WriteRecord replaces old ("" for none) and reads back: whoever wrote in between
// is not overwritten. A change of the CIB goes through the cluster's ordered
// messages and returns when it was applied here, so what is read afterwards is at
// least as new. It also succeeds in a partition without quorum: ask Quorate, too.
func (c *Cluster) WriteRecord(ctx context.Context, old, text string) error {
	if err := c.writeRecord(ctx, old, text); err != nil {
		return fmt.Errorf("write the epoch record: %w", err)
	}
	return nil
}

func (c *Cluster) writeRecord(ctx context.Context, old, text string) error {
	if err := checkValue(text); err != nil {
		return err
	}
	if strings.ContainsAny(old+text, `'"<>&`) {
		return errors.New("a quote or bracket cannot be part of a record")
	}
	c.seen = nil
	if err := c.replaceRecord(ctx, old, text); err != nil {
		return err
	}
	switch got, ok, err := c.ReadRecord(ctx); {
	case err != nil:
		return err
	case !ok:
		return errors.New("it was not there when read back")
	case got != text:
		return fmt.Errorf("read back as %s", abbreviate(got))
	}
	return nil
}

// replaceRecord is a compare-and-swap where there is a record. The first one is
// created; two at once cannot both be read back as written.
func (c *Cluster) replaceRecord(ctx context.Context, old, text string) error {
	if old == "" {
		_, _, err := c.run(ctx, nil, "crm_attribute", "--type=crm_config", "--set-name="+recordSet,
			"--name="+c.recordName(), "--update="+text)
		return err
	}
	path := fmt.Sprintf("//cluster_property_set[@id='%s']/nvpair[@name='%s' and @value='%s']", recordSet, c.recordName(), old)
	pair := fmt.Sprintf(`<nvpair id="%s-%s" name="%s" value="%s"/>`, recordSet, c.recordName(), c.recordName(), text)
	_, code, err := c.run(ctx, []int{exitNoSuch, exitDeviceGone}, "cibadmin", "--modify", "--sync-call", "--xpath="+path, "--xml-text="+pair)
	if err == nil && code != 0 {
		return errors.New("it has changed since it was read")
	}
	return err
}
