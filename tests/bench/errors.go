package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// errRefused: nothing listens there, so nobody can have been acknowledged.
var errRefused = errors.New("refused")

func classify(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}
