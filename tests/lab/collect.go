package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// Collect copies what explains a failure from every node into dir. Files are
// read from the disk, so a node without power tells its story, too.
func (l *Lab) Collect(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 90*time.Second)
	defer cancel()
	return l.each(ctx, func(ctx context.Context, nd Node) error {
		to := filepath.Join(dir, nd.Name)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		var errs []error
		for _, path := range []string{
			"var/log/pacemaker", "var/log/corosync", "var/log/mysql", "var/lib/mysql-ha", "var/lib/pacemaker/cib",
		} {
			if src := filepath.Join(nd.root(), path); exists(src) {
				errs = append(errs, host(ctx, "cp", "-rT", src, filepath.Join(to, filepath.Base(path)+"."+filepath.Base(filepath.Dir(path)))))
			}
		}
		errs = append(errs, host(ctx, "cp", filepath.Join(nd.dir(), "console.log"), to))
		journal, _, err := run(ctx, commandEnv, "journalctl", "--no-pager", "-o", "short-precise",
			"-D", filepath.Join(nd.root(), "var/log/journal"))
		errs = append(errs, err, os.WriteFile(filepath.Join(to, "journal.txt"), []byte(journal), 0o644))
		if !l.IsOn(nd.Name) {
			return errors.Join(errs...)
		}
		for file, argv := range map[string][]string{
			"crm_mon.txt":   {"crm_mon", "-1rnfA"},
			"cib.xml":       {"cibadmin", "-Q"},
			"processes.txt": {"ps", "-eo", "pid,ppid,lstart,user,args"},
			"address.txt":   {"ip", "addr"},
			"replica.txt":   client("-e", l.System.facts().report),
		} {
			cctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			out, stderr, err := l.Exec(cctx, nd.Name, argv...)
			cancel()
			if err != nil {
				stderr = err.Error() // a dead mysqld is a finding, not a failure to collect
			}
			errs = append(errs, os.WriteFile(filepath.Join(to, file), []byte(out+stderr), 0o644))
		}
		return errors.Join(errs...)
	})
}
