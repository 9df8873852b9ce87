package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// login is an account.
type login struct{ User, Password string }

// credentials are the accounts of the root-only file.
type credentials struct{ Admin, Replication login }

// readCredentials reads the file, with the replication account's parameters for
// what it does not say. A file that others could read or replace is refused.
func readCredentials(p ocf.Params) (credentials, error) {
	c := credentials{
		Admin:       login{User: "root"},
		Replication: login{User: p.Text("replication_user"), Password: p.Text("replication_passwd")},
	}
	path := p.Text("credentials")
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) && c.Replication.User != "" {
		return c, nil
	}
	if errors.Is(err, syscall.ELOOP) {
		return c, fmt.Errorf("%s is a symbolic link: name the file itself", path)
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c, err
	}
	if !info.Mode().IsRegular() {
		return c, fmt.Errorf("%s is not a regular file", path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 {
		return c, fmt.Errorf("%s does not belong to root: chown root %s", path, path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf("%s has mode %04o, others could read it: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	if err := safeFolders(path); err != nil {
		return c, err
	}
	if err := parseCredentials(f, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// safeFolders refuses a file in whose place somebody else could put another one: each
// folder above it, and above what a link on the way leads to, belongs to root and is
// written by root alone, unless it is sticky.
func safeFolders(path string) error {
	dir := filepath.Dir(path)
	target, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	for _, dir := range []string{dir, target} {
		for ; ; dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			if err != nil {
				return err
			}
			st, ok := info.Sys().(*syscall.Stat_t)
			if !ok || st.Uid != 0 {
				return fmt.Errorf("its folder %s does not belong to root", dir)
			}
			others := info.Mode().Perm()&0o002 != 0 || info.Mode().Perm()&0o020 != 0 && st.Gid != 0
			if others && info.Mode()&os.ModeSticky == 0 {
				return fmt.Errorf("others can write to its folder %s: chmod go-w %s", dir, dir)
			}
			if dir == "/" {
				break
			}
		}
	}
	return nil
}

// parseCredentials reads sections [admin] and [replication] with user = NAME and
// password = WORD; a password is taken as it stands, to the end of the line.
func parseCredentials(r io.Reader, c *credentials) error {
	var section *login
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";") {
			continue
		}
		if strings.HasPrefix(text, "[") {
			switch text {
			case "[admin]":
				section = &c.Admin
			case "[replication]":
				section = &c.Replication
			default:
				return fmt.Errorf("line %d: section is neither [admin] nor [replication]", n)
			}
			continue
		}
		// The line is never quoted in an error: it may hold a password.
		key, value, ok := strings.Cut(text, "=")
		if !ok || section == nil {
			return fmt.Errorf("line %d: accepted is KEY = VALUE in a section", n)
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "user":
			section.User = value
		case "password":
			section.Password = value
		default:
			return fmt.Errorf("line %d: key is neither user nor password", n)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if strings.ContainsAny(c.Replication.User, "'`\" .@") {
		return errors.New("[replication] user holds a character that an account name with the node's appended cannot have")
	}
	return nil
}
