# mysql-ha. `make help` lists what can be done here.

GO      ?= go
# What is published is built with this one, which the go command fetches and checks: an
# older library has known vulnerabilities (`make vulncheck`).
export GOTOOLCHAIN ?= go1.27.3
# Asked for once: all that one call makes has the same.
ifndef VERSION
VERSION := $(shell packaging/version)
endif
# Documents and archives bear the time of the last commit.
ifndef SOURCE_DATE_EPOCH
export SOURCE_DATE_EPOCH := $(shell packaging/version epoch)
endif

BIN      ?= bin/mysql-ha
PREFIX   ?= /usr
SBINDIR  ?= $(PREFIX)/sbin
OCFDIR   ?= $(PREFIX)/lib/ocf/resource.d
TMPFILES ?= $(PREFIX)/lib/tmpfiles.d
UNITDIR  ?= $(PREFIX)/lib/systemd/system
DATADIR  ?= $(PREFIX)/share
DOCDIR   ?= $(DATADIR)/doc/mysql-ha

# Where .ci/deps puts a toolchain when the machine has none.
export PATH := $(PATH):/usr/local/go/bin

LINT    = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT = mvdan.cc/gofumpt@v0.12.0

# Of each fuzz target: a time, or a count (500x).
FUZZTIME ?= 60s

# What the lab's nodes run: SUITE=bookworm|trixie, FLAVOUR=mariadb|mysql.
SUITE   ?= bookworm
FLAVOUR ?= mariadb
SYSTEMS  = bookworm-mariadb bookworm-mysql trixie-mariadb trixie-mysql
# A fresh cluster, a killed primary, a loss of power, a tail that nobody acknowledged, a partition.
SMOKE    = 0[12357]-

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/mysql-ha (or BIN), static, without symbols
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/mysql-ha

# The distribution's units of a server.
UNITS = mariadb mariadb@ mysql mysql@ mysqld mysqld@

.PHONY: install
install: build ## Install below DESTDIR, as the packages have it
	install -D -m 0755 $(BIN) $(DESTDIR)$(SBINDIR)/mysql-ha
	install -d -m 0755 $(DESTDIR)$(OCFDIR)/mysql-ha $(DESTDIR)/etc/mysql-ha $(DESTDIR)$(DOCDIR)
	ln -sfn ../../../../sbin/mysql-ha $(DESTDIR)$(OCFDIR)/mysql-ha/mysql
	install -m 0600 packaging/credentials.example $(DESTDIR)/etc/mysql-ha/
	install -D -m 0644 packaging/mysql-ha.tmpfiles $(DESTDIR)$(TMPFILES)/mysql-ha.conf
	for unit in $(UNITS); do \
	  install -D -m 0644 packaging/systemd/order.conf $(DESTDIR)$(UNITDIR)/$$unit.service.d/50-mysql-ha.conf || exit 1; \
	done
	install -d -m 0755 $(DESTDIR)$(DATADIR)/man/man7 $(DESTDIR)$(DATADIR)/man/man8 $(DESTDIR)$(DATADIR)/bash-completion/completions
	$(BIN) document agent >$(DESTDIR)$(DATADIR)/man/man7/ocf_mysql-ha_mysql.7
	$(BIN) document command >$(DESTDIR)$(DATADIR)/man/man8/mysql-ha.8
	$(BIN) document completion >$(DESTDIR)$(DATADIR)/bash-completion/completions/mysql-ha
	$(BIN) document parameters >$(DESTDIR)$(DOCDIR)/parameters.md
	$(BIN) document parts >$(DESTDIR)$(DOCDIR)/parts.spdx.json
	GO='$(GO)' packaging/notices >$(DESTDIR)$(DOCDIR)/NOTICES
	install -m 0644 README.md CHANGELOG.md LICENSE packaging/doc/*.md $(DESTDIR)$(DOCDIR)/
	cp -R packaging/examples $(DESTDIR)$(DOCDIR)/
	sed -i 's|packaging/doc/||g; s|packaging/examples|examples|g; s|\.\./examples|examples|g; s|\.\./doc|..|g' $(DESTDIR)$(DOCDIR)/*.md
	sed -i 's|\.\./doc|..|g' $(DESTDIR)$(DOCDIR)/examples/README.md
	chmod -R u=rwX,go=rX $(DESTDIR)$(DATADIR)

.PHONY: dist
dist: ## build/mysql-ha-VERSION.tar.gz: the sources, the same bytes whenever it is made
	packaging/changelog check
	VERSION='$(VERSION)' packaging/dist

.PHONY: deb
deb: ## build/mysql-ha_VERSION_ARCH.deb
	VERSION='$(VERSION)' GO='$(GO)' packaging/deb

.PHONY: rpm
rpm: ## build/mysql-ha-VERSION.ARCH.rpm
	VERSION='$(VERSION)' GO='$(GO)' packaging/rpm

.PHONY: lint-packages
lint-packages: deb rpm ## lintian (pedantic) and rpmlint
	VERSION='$(VERSION)' packaging/lint

.PHONY: reproducible
reproducible: deb rpm ## Build the packages again, elsewhere and with an empty cache: the same bytes
	VERSION='$(VERSION)' GO='$(GO)' packaging/reproducible

.PHONY: rpm-root
rpm-root: rpm ## Install, upgrade, downgrade and remove the RPM in a scratch root (root)
	VERSION='$(VERSION)' packaging/rpm-root

.PHONY: signed
signed: deb rpm dist ## Sign the checksums with a key made for it, and check them as a stranger would
	VERSION='$(VERSION)' packaging/signed

.PHONY: packages
packages: lint-packages reproducible rpm-root signed ## All of these

.PHONY: vulncheck
vulncheck: ## govulncheck over what is linked in; fails where the database cannot be reached
	@GO='$(GO)' packaging/vulncheck

.PHONY: sums
sums: deb rpm dist ## build/SHA256SUMS, and its signature when KEY names a GnuPG key
	VERSION='$(VERSION)' packaging/sums $(KEY)

.PHONY: release
release: ## What is published: only from a clean checkout of the tag vVERSION, and with KEY
	packaging/changelog check release
	@case '$(VERSION)' in *~*) echo 'release: not a clean checkout of the version that is tagged: $(VERSION)' >&2; exit 1 ;; esac
	@test -n '$(KEY)' || { echo 'release: KEY is missing (a GnuPG key)' >&2; exit 1; }
	$(MAKE) packages vulncheck sums

.PHONY: deps
deps: ## Install what tests, lab and packages need (Debian 12, root), and check the Go toolchain
	.ci/deps

.PHONY: format
format: ## Format the sources
	$(GO) run $(GOFUMPT) -l -w .

.PHONY: verify
verify: ## go vet and the linters, for every build tag
	$(GO) vet ./...
	$(GO) vet -tags lab ./tests/...
	$(GO) run $(LINT) run --build-tags lab ./...

.PHONY: unit
unit: ## All tests that need no cluster, under the race detector; fewer seeds, and MariaDB 10.11 only
	$(GO) test -race -short ./...

.PHONY: test-server
test-server: ## The server tests for MariaDB 10.11, 11.8 and MySQL 9.7 (.ci/servers fetches the latter two)
	.ci/servers
	CI=true $(GO) test -race -count=1 -timeout 20m ./tests/server

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZTIME (60s), two at a time
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' .ci/fuzz

.PHONY: model
model: ## The simulator (all seeds, and the stories it can tell) and the model of the election; the mistakes that both must find
	$(GO) test -count=1 -timeout 30m ./scoring/... ./tests/election
	$(GO) test -count=1 -timeout 60m -v ./tests/sim

.PHONY: soak
soak: ## The simulator on ever new seeds, until stopped; FROM is the first
	$(GO) test -count=1 -timeout 0 -v -run '^TestSeeds$$' ./tests/sim -soak -from $(or $(FROM),$(shell date +%s)0000)

.PHONY: lab
lab: ## The scenarios on a real three-node cluster (root); RUN=regexp picks some; SUITE, FLAVOUR
	$(GO) test -tags lab -count=1 -timeout 45m -v -run 'TestScenarios/$(RUN)' ./tests/lab -suite $(SUITE) -flavour $(FLAVOUR)

.PHONY: faults
faults: ## The fault suite on the real cluster; RUN=regexp picks some, THIRD=n a third; SUITE, FLAVOUR
	$(GO) test -tags lab -count=1 -timeout 120m -v -run 'TestFaults/$(RUN)' ./tests/lab -suite $(SUITE) -flavour $(FLAVOUR) $(if $(THIRD),-third $(THIRD))

.PHONY: faults-open
faults-open: ## The stories of faults that fail today: known bugs, each told in its head
	$(GO) test -tags lab -count=1 -timeout 60m -v -run 'TestOpen/$(RUN)' ./tests/lab -suite $(SUITE) -flavour $(FLAVOUR)

.PHONY: lab-smoke
lab-smoke: ## A few scenarios on the three systems that `make lab` does not run
	@for system in $(filter-out $(SUITE)-$(FLAVOUR),$(SYSTEMS)); do \
	  $(MAKE) lab RUN='$(SMOKE)' SUITE=$${system%-*} FLAVOUR=$${system#*-} || exit 1; \
	done

.PHONY: lab-all
lab-all: ## The scenarios on all four systems
	@for system in $(SYSTEMS); do \
	  $(MAKE) lab SUITE=$${system%-*} FLAVOUR=$${system#*-} || exit 1; \
	done

.PHONY: lab-up
lab-up: ## Boot the three-node cluster, install, configure, and leave it running
	$(GO) build -o bin/labctl ./tests/lab/labctl
	bin/labctl up -suite $(SUITE) -flavour $(FLAVOUR)
	bin/labctl install
	bin/labctl configure

.PHONY: lab-down
lab-down: ## End the cluster and remove all traces
	$(GO) run ./tests/lab/labctl down

.PHONY: demo
demo: deps ## Watch a failover: writes flow, the primary dies, who takes over and why
	$(GO) run ./tests/lab/labctl demo -suite $(SUITE) -flavour $(FLAVOUR)

.PHONY: test
test: ## What CI runs, on a fresh machine too: everything, but only a smoke on three of the lab's systems
	$(MAKE) deps
	$(MAKE) verify
	.ci/servers
	$(MAKE) unit
	$(MAKE) packages
	$(MAKE) test-server
	$(MAKE) model
	.ci/together

.PHONY: test-all
test-all: ## Everything, with all scenarios on all four systems
	$(MAKE) deps
	$(MAKE) verify
	.ci/servers
	$(MAKE) unit
	$(MAKE) packages
	$(MAKE) test-server
	$(MAKE) fuzz
	$(MAKE) model
	$(MAKE) lab-all

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin build/deb build/rpm build/mysql-ha[-_]* build/SHA256SUMS*
