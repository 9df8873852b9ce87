package systemd

import (
	"context"
	"fmt"
	"time"
)

// Enabled returns which of the units would start at boot. A unit that does not
// exist, or is masked, is not among them.
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
		properties, err := b.GetAllPropertiesContext(ctx, unit)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", unit, err)
		}
		r := reader{properties: properties}
		load, file := read[string](&r, "LoadState"), read[string](&r, "UnitFileState")
		if r.err != nil {
			return nil, fmt.Errorf("look at %s: %w", unit, r.err)
		}
		if load == "loaded" && file == "enabled" {
			found = append(found, unit)
		}
	}
	return found, nil
}
