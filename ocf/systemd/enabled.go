package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Enabled returns which of the units would start a server by themselves: a service at
// boot, and a socket once somebody connects to it, from now on where it is active. A
// unit that does not exist, or is masked, is not among them, nor is the socket of such
// a service.
func Enabled(ctx context.Context, units []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	b, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return enabled(ctx, b, units)
}

func enabled(ctx context.Context, b bus, units []string) ([]string, error) {
	var found []string
	for _, unit := range units {
		load, file, active, err := unitState(ctx, b, unit)
		if err != nil {
			return nil, err
		}
		service, socket := strings.CutSuffix(unit, ".socket")
		starts := file == "enabled" || socket && active == "active"
		if load != "loaded" || !starts {
			continue
		}
		if socket {
			if load, _, _, err = unitState(ctx, b, service+".service"); err != nil {
				return nil, err
			}
			if load != "loaded" {
				continue
			}
		}
		found = append(found, unit)
	}
	return found, nil
}

func unitState(ctx context.Context, b bus, unit string) (load, file, active string, err error) {
	properties, err := b.GetAllPropertiesContext(ctx, unit)
	if err != nil {
		return "", "", "", fmt.Errorf("look at %s: %w", unit, err)
	}
	r := reader{properties: properties}
	load, file, active = read[string](&r, "LoadState"), read[string](&r, "UnitFileState"), read[string](&r, "ActiveState")
	if r.err != nil {
		return "", "", "", fmt.Errorf("look at %s: %w", unit, r.err)
	}
	return load, file, active, nil
}
