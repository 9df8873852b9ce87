package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Renew replaces the data id.
func (d *Dir) Renew() (string, error) {
	path := filepath.Join(d.layout.Dir, idFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("renew data id: %w", err)
	}
	id, err := d.createID(path)
	if err != nil {
		return "", fmt.Errorf("renew data id: %w", err)
	}
	return id, nil
}
