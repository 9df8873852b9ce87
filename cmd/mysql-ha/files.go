package main

import (
	"context"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/ocf/datadir"
)

// files is the data directory, with the names of its logs asked of the server's
// configuration only when something needs them.
type files struct {
	params  ocf.Params
	options ocf.Options
}

func (f *files) dir() (*datadir.Dir, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	set, err := ocf.Configured(ctx, f.options, f.params)
	if err != nil {
		return nil, err
	}
	return datadir.New(datadir.Layout{
		Dir: f.params.Text("datadir"), Quarantine: f.params.Text("quarantine_dir"),
		BinaryLog: ocf.LogBase("log_bin", set, f.params), RelayLog: ocf.LogBase("relay_log", set, f.params),
	}), nil
}

// plain is enough for what does not touch a log.
func (f *files) plain() *datadir.Dir {
	return datadir.New(datadir.Layout{Dir: f.params.Text("datadir")})
}

func (f *files) ID() (string, error)    { return f.plain().ID() }
func (f *files) Renew() (string, error) { return f.plain().Renew() }
func (f *files) Exists() (bool, error)  { return f.plain().Exists() }

func (f *files) Save(name string) (string, error) {
	d, err := f.dir()
	if err != nil {
		return "", err
	}
	return d.Save(name)
}

func (f *files) Relay(executed string) (ocf.Relay, error) {
	d, err := f.dir()
	if err != nil {
		return ocf.Relay{}, err
	}
	return d.Relay(executed)
}

func (f *files) Binlogs() (string, error) {
	d, err := f.dir()
	if err != nil {
		return "", err
	}
	return d.Binlogs()
}

func (f *files) Beyond(have string) (ocf.Beyond, error) {
	d, err := f.dir()
	if err != nil {
		return ocf.Beyond{}, err
	}
	return d.Beyond(have)
}

func (f *files) Cut(b ocf.Beyond) error { return f.plain().Cut(b) }

func (f *files) RolledBack(log string, pid int) (int, error) { return f.plain().RolledBack(log, pid) }
