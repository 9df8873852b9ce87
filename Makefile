# mysql-ha. `make help` lists what can be done here.

GO      ?= go
VERSION ?= $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)

BIN      ?= bin/mysql-ha
PREFIX   ?= /usr
SBINDIR  ?= $(PREFIX)/sbin
OCFDIR   ?= $(PREFIX)/lib/ocf/resource.d
TMPFILES ?= $(PREFIX)/lib/tmpfiles.d

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
build: ## Build bin/mysql-ha (or BIN), static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/mysql-ha

.PHONY: install
install: build ## Install below DESTDIR: the binary, the OCF agent's link, the folders
	install -D -m 0755 $(BIN) $(DESTDIR)$(SBINDIR)/mysql-ha
	install -d -m 0755 $(DESTDIR)$(OCFDIR)/mysql-ha $(DESTDIR)/etc/mysql-ha
	ln -sfn ../../../../sbin/mysql-ha $(DESTDIR)$(OCFDIR)/mysql-ha/mysql
	install -D -m 0644 packaging/mysql-ha.tmpfiles $(DESTDIR)$(TMPFILES)/mysql-ha.conf

.PHONY: deps
deps: ## Install what tests and lab need (Debian 12, root), and check the Go toolchain
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
	$(MAKE) test-server
	$(MAKE) model
	.ci/together

.PHONY: test-all
test-all: ## Everything, with all scenarios on all four systems
	$(MAKE) deps
	$(MAKE) verify
	.ci/servers
	$(MAKE) unit
	$(MAKE) test-server
	$(MAKE) fuzz
	$(MAKE) model
	$(MAKE) lab-all

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
