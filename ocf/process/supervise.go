package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// SuperviseCommand is the hidden subcommand by which Start runs this binary again;
// its handler passes the arguments after it to Supervise.
const SuperviseCommand = "supervise"

const (
	started     = "started\n" // the answer to Start; anything else is why not
	oomScore    = "-600"      // as the units of the distributions have it
	hookTimeout = time.Minute // the hook has deadlines of its own
)

// Supervise starts mysqld as the record tells, hears its notifications, waits for
// its end and runs the exit hook.
func Supervise(args []string) error {
	if len(args) != 1 {
		return errors.New("to be run by the agent only")
	}
	// It has nobody to obey; a shutdown that signals everybody reaches mysqld by
	// itself. Not ignored, as mysqld would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	answer := os.NewFile(3, "answer")
	if err := keepDescriptors(); err != nil {
		return err
	}

	s := supervisor{files: files{args[0]}}
	var err error
	if s.log, err = os.OpenFile(s.files.log(), os.O_APPEND|os.O_WRONLY, 0); err != nil {
		return err
	}
	cmd, err := s.start()
	if err != nil {
		_, _ = fmt.Fprintln(answer, strings.ReplaceAll(err.Error(), "\n", " "))
		return errors.Join(err, s.update(func(r *record) { r.Result = "resources" }))
	}
	_, err = answer.WriteString(started)
	_ = answer.Close()
	if err != nil {
		fmt.Fprintln(s.log, "the agent did not wait:", err)
	}
	go s.hear()
	err = s.ended(cmd.Wait())
	return errors.Join(err, runHook(s.record.Command.ExitHook, s.log))
}

type supervisor struct {
	files  files
	log    *os.File // for mysqld's output, too
	socket *notifySocket
	mu     sync.Mutex
	record record
}

// update changes the record and writes it down.
func (s *supervisor) update(change func(*record)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.record)
	return s.files.save(s.record)
}

func (s *supervisor) start() (*exec.Cmd, error) {
	rec, err := s.files.load()
	if err != nil {
		return nil, err
	}
	if rec.Supervisor, err = identify(os.Getpid()); err != nil {
		return nil, err
	}
	s.record = rec
	if err := s.files.save(rec); err != nil {
		return nil, err
	}
	c := rec.Command
	credential, err := lookUp(c.User, c.Group)
	if err != nil {
		return nil, err
	}
	if err := makeDirectories(c.Args, credential); err != nil {
		return nil, err
	}
	if s.socket, err = listen(s.files.notify(), credential); err != nil {
		return nil, err
	}
	if err := limits(c); err != nil {
		return nil, err
	}
	cmd := exec.Command(c.Binary, c.Args...) //nolint:noctx // it runs until it is told to end
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NOTIFY_SOCKET=" + s.files.notify()}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: credential}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	server, err := identify(cmd.Process.Pid)
	if err == nil {
		err = s.update(func(r *record) { r.Server, r.Since = server, time.Now() })
	}
	if err != nil {
		// Nobody would find it again.
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd, nil
}

// limits are inherited by mysqld. That nothing may be raised or protected in a
// container is no reason not to start.
func limits(c ocf.Command) error {
	syscall.Umask(0o007)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0)
	if c.OpenFiles == 0 {
		return nil
	}
	n := c.OpenFiles
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}); err == nil {
		return nil
	}
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return err
	}
	n = min(n, now.Max)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
}

// makeDirectories makes those that mysqld is told to put its socket and its pid
// file into: a boot empties /run.
func makeDirectories(args []string, owner *syscall.Credential) error {
	for _, arg := range args {
		option, path, _ := strings.Cut(arg, "=")
		if option != "--socket" && option != "--pid-file" {
			continue
		}
		dir := filepath.Dir(path)
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if owner != nil {
			if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
	}
	return nil
}

// hear keeps what mysqld says of itself.
func (s *supervisor) hear() {
	for {
		said, err := s.socket.receive()
		if err != nil {
			return
		}
		err = s.update(func(r *record) {
			r.Ready = (r.Ready || said.ready) && !said.stopping
			if said.status != "" {
				r.Status = said.status
			}
		})
		if err != nil {
			fmt.Fprintln(s.log, "what the server says is not kept:", err)
		}
	}
}

// ended writes down how, in systemd's words.
func (s *supervisor) ended(err error) error {
	s.socket.close()
	result := "success"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		result = "exit-code"
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			result = "signal"
			if status.CoreDump() {
				result = "core-dump"
			}
		}
	} else if err != nil {
		return err // it is not known to have ended
	}
	return s.update(func(r *record) { r.Result, r.Ready = result, false })
}

// runHook is the last thing that whoever saw a server's end does.
func runHook(argv []string, log io.Writer) error {
	if len(argv) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), hookTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("exit hook: %w", err)
	}
	return nil
}
