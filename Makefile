# secco: `make run` does the main job on a real policy, `make test` proves the tree.
# Where make is missing: `scripts/setup build` installs it, and `scripts/run` is what `make run` runs.

GO    ?= go
TAGS  ?= libseccomp
BIN   ?= bin
PKGS  ?= ./...
COUNT ?=

export PATH := $(PATH):/usr/local/go/bin:/usr/sbin:/sbin

.PHONY: help run build static generate test test-all test-arm64 test-libseccomp bench benchmarks lint module-path clean

help: ## what there is to make
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: ## install what is missing, build, and do the main job on a web server's policy
	@scripts/run

build: ## the commands, with libseccomp, into bin/
	@scripts/setup build
	$(GO) build -trimpath -tags $(TAGS) -o $(BIN)/ ./cmd/...

static: ## the commands in pure Go, static, into bin/static/
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/static/ ./cmd/...

generate: ## the Go tables, afresh from the committed facts
	$(GO) generate ./...

test: ## everything that every change must pass
	@scripts/setup test
	@scripts/test

test-all: lint ## make test, the long campaigns, and make lint
	@scripts/setup test
	@scripts/setup arm64
	@SECCO_LONG=1 scripts/test

test-arm64: ## the tests of what meets the kernel, and containers, on an emulated arm64 machine
	@scripts/setup arm64
	$(GO) test -tags long -count 1 -timeout 2h -v ./test/arm64

test-libseccomp: ## the conversions with the libseccomp of a newer Debian (SUITE=trixie)
	@scripts/setup test
	@scripts/libseccomp $(SUITE)

bench: ## compare with other compilers, afresh into docs/performance.md
	@scripts/setup build
	cd test/bench/peers && $(GO) run -tags libseccomp . -doc ../../../docs/performance.md

benchmarks: ## Go's benchmarks of all packages
	@scripts/setup build
	$(GO) test -tags $(TAGS) -run '^$$' -bench . -benchmem $(COUNT) $(PKGS)

lint: ## golangci-lint, built from tools/
	@mkdir -p $(BIN)
	cd tools && $(GO) build -o ../$(BIN)/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	$(BIN)/golangci-lint run --build-tags $(TAGS)

module-path: ## rename the module everywhere: make module-path NEW=example.org/secco
	$(GO) run ./tools/modulepath/main.go $(NEW)

clean: ## remove what was built
	rm -rf $(BIN) out
