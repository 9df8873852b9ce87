package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// adminUser is the account's name where the credentials file names none.
const adminUser = "mysql-ha"

// grantsCmd prints what makes the agent's own account; it asks no server.
type grantsCmd struct {
	Flavour     string `required:"" enum:"mariadb,mysql" help:"Server: mariadb or mysql." placeholder:"NAME"`
	Credentials string `default:"/etc/mysql-ha/credentials" help:"File whose [admin] section names the account; with a password, its hash is printed." placeholder:"FILE"`
}

// Help is what --help says beside the flags.
func (grantsCmd) Help() string {
	return "Prints the statements that make the agent's account on a server, with all that it needs and nothing more. " +
		"Run them as an administrator on each node before the cluster starts the servers: mysql-ha grants --flavour mariadb | mariadb"
}

func (c *grantsCmd) Run(d *desk) error {
	cred, err := readCredentials(ocf.Params{"credentials": c.Credentials})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("credentials: %w", err)
	}
	admin := replication.Admin{User: cred.Admin.User, Password: cred.Admin.Password}
	if admin.User == "root" {
		admin = replication.Admin{User: adminUser}
	}
	flavour := gtid.MariaDB
	if c.Flavour == "mysql" {
		flavour = gtid.MySQL
	}
	statements, err := replication.Grants(flavour, admin)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := fmt.Fprintln(d.out, s); err != nil {
			return err
		}
	}
	return nil
}
