package systemd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Enabled returns which of the units would start at boot, or run now. A unit that
// does not exist, or is masked, is not among them.
func Enabled(ctx context.Context, units []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dbus.NewSystemConnectionContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("systemd: %w", err)
	}
	defer conn.Close()
	var enabled []string
	for _, unit := range units {
		props, err := conn.GetUnitPropertiesContext(ctx, unit)
		if missing(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("systemd: %s: %w", unit, err)
		}
		if props["LoadState"] != "loaded" {
			continue
		}
		if props["UnitFileState"] == "enabled" || props["ActiveState"] == "active" || props["ActiveState"] == "activating" {
			enabled = append(enabled, unit)
		}
	}
	return enabled, nil
}

func missing(err error) bool {
	var e godbus.Error
	return errors.As(err, &e) && e.Name == "org.freedesktop.systemd1.NoSuchUnit"
}
