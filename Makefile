# Everything that is done to this repository by command. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL := go tool -modfile=tools/go.mod
# A module of its own: its hundreds of dependencies would choose the versions of everything else.
LINT := go tool -modfile=tools/lint/go.mod golangci-lint

# The server in embedded/chdbserver has a module of its own, which the script lays out.
CHDBSERVER := tools/chdbserver.sh

# -count=1: what a cached result says about servers is old. -p, -parallel: many tests wait for servers more than they compute.
# GORACE: a program with the race detector sleeps for a second before it ends, and the tests start hundreds of them.
TEST_FLAGS := -race -count=1 -timeout 15m -p $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1))) -parallel $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/chferry
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/chferry ./cmd/chferry

.PHONY: demo
demo: build ## show the main job once on servers that it starts by itself
	@env -u CHFERRY_TEST_REDIS tools/servers.sh redis-server
	@bin/chferry demo

.PHONY: servers
servers: ## find, install or build the servers that the tests start
	@tools/servers.sh
	@go run ./internal/testenv/prepare

.PHONY: test
test: servers ## run all tests against real servers, with the race detector
	@GORACE=atexit_sleep_ms=0 $(TOOL) gotestsum --format pkgname -- $(TEST_FLAGS) ./...

.PHONY: lint
lint: ## golangci-lint, gofumpt, workflowcheck, deadcode
	$(LINT) run ./...
	$(CHDBSERVER) go tool -modfile=$(CURDIR)/tools/lint/go.mod golangci-lint run --config $(CURDIR)/.golangci.yml --path-mode abs ./...
	@unformatted=$$($(TOOL) gofumpt -l .); [ -z "$$unformatted" ] || { echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; }
	$(TOOL) workflowcheck ./...
	@dead=$$($(TOOL) deadcode -test ./... && $(CHDBSERVER) go tool -modfile=$(CURDIR)/tools/go.mod deadcode ./...); [ -z "$$dead" ] || { echo "reached by no command and no test:"; echo "$$dead"; exit 1; }

.PHONY: vet
vet: ## go vet
	go vet ./...
	$(CHDBSERVER) go vet ./...

.PHONY: check
check: vet lint compose test ## exactly what CI runs

.PHONY: vuln
vuln: ## known vulnerabilities in what the code calls
	$(TOOL) govulncheck ./...
	$(CHDBSERVER) go tool -modfile=$(CURDIR)/tools/go.mod govulncheck ./...

.PHONY: cover
cover: servers ## line coverage of storage, workflows and activities by all tests
	@mkdir -p bin
	@go test -count=1 -timeout 15m -coverpkg=./storage/...,./workflows/...,./activities/... -coverprofile=bin/cover.out ./... >bin/cover.log || { cat bin/cover.log; exit 1; }
	@awk -f tools/coverage.awk bin/cover.out

.PHONY: bench
bench: servers ## measure storage, API, syncs and what Temporal adds; BENCH=temporal: these alone
	@command -v clickhouse-client >/dev/null || { [ "$$(id -u)" -eq 0 ] && apt-get -qq install --yes --no-install-recommends clickhouse-client >/dev/null; } || { echo "clickhouse-client is missing: install the package clickhouse-client" >&2; exit 1; }
	go run ./internal/bench $(BENCH)

.PHONY: compose
compose: ## check docker-compose.yml, with docker-compose of the distribution
	@command -v docker-compose >/dev/null || { [ "$$(id -u)" -eq 0 ] && apt-get -qq install --yes --no-install-recommends docker-compose >/dev/null; } || { echo "docker-compose is missing: install the package docker-compose" >&2; exit 1; }
	@docker-compose --env-file .env.example config --quiet && echo "docker-compose.yml is valid"

.PHONY: fmt
fmt: ## format the code
	$(TOOL) gofumpt -w .

.PHONY: hooks
hooks: ## check format and vet before each commit
	git config core.hooksPath .githooks
