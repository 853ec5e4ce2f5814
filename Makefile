# Targets for people and for CI. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

GO       ?= go
FIRMWARE ?= bios
ARCH     ?= amd64
FUZZTIME ?= 30s
TIMEOUT  ?= 15m
# Further flags of go test, for instance TESTFLAGS='-run TestClose -v'.
TESTFLAGS ?=

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'

.PHONY: deps
deps: ## install the packages that the tests and the demo need
	@scripts/deps test demo typing

.PHONY: test
test: ## all checks and tests, as CI runs them, with a real QEMU
	@scripts/deps test typing
	@$(MAKE) lint
	@$(MAKE) test-all

.PHONY: check
check: ## the quick checks: no QEMU, no race detector, nothing installed
	@$(MAKE) lint
	$(GO) test -short $(TESTFLAGS) ./...

.PHONY: lint
lint: .bin/staticcheck ## format, go.mod, vet, staticcheck, other systems, the file tree
	@files=$$(git ls-files -co --exclude-standard '*.go'); \
	bad=$$(for f in $$files; do [[ ! -f $$f ]] || echo $$f; done | xargs gofmt -l); \
	[[ -z $$bad ]] || { echo "gofmt: not formatted:"; echo "$$bad"; exit 1; }
	$(GO) mod tidy -diff
	$(GO) build ./...
	$(GO) vet ./...
	.bin/staticcheck ./...
	cd internal/tools && $(GO) vet ./testsum && $(GO) test ./testsum
	cd template && $(GO) mod tidy -diff && $(GO) vet ./... && ../.bin/staticcheck ./... && GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) build ./...
	GOOS=windows $(GO) build ./...
	@scripts/check-tree

race = $(GO) test -C $$d -json -race -shuffle=on -timeout $(TIMEOUT) $(TESTFLAGS)

# With the race detector the screens of real guests are read too slowly, and
# waiting costs more than it may. What is about that runs without it, on the
# guests that start soonest.
plain = $(GO) test -json -shuffle=on -timeout $(TIMEOUT) \
	-run '^(TestVNCAlone|TestStall|TestARM64)$$/^(keyread|isolinux|uefi-shell|stopped|reads)' ./examples/typebench ./examples/debian

.PHONY: test-all
test-all: .bin/testsum ## the tests alone: with the race detector, and a few without
	@( bad=0; for d in . template; do $(race) -skip '^TestVNCAlone$$' ./... || bad=1; done; \
	$(plain) || bad=1; exit $$bad ) | .bin/testsum

.PHONY: test-race
test-race: .bin/testsum ## the tests with the race detector alone
	@( bad=0; for d in . template; do $(race) ./... || bad=1; done; exit $$bad ) | .bin/testsum

.PHONY: demo
demo: ## make an installation ISO, build demo.qcow2 from it, and report (FIRMWARE=bios or uefi)
	@scripts/deps demo
	@FIRMWARE=$(FIRMWARE) scripts/demo

.PHONY: demo-debian
demo-debian: ## boot the Debian installer and type, until it has its preseed file (ARCH=amd64 or arm64)
	@scripts/deps debian$(if $(filter arm64,$(ARCH)),-arm64)
	@ARCH=$(ARCH) scripts/demo-debian

.PHONY: soak-typing
soak-typing: ## type on real guests for ten minutes, beside some load
	@scripts/deps typing
	$(GO) run ./examples/typebench -guest keyread,isolinux,grub,linux,linux-virtio,uefi-shell -chars 3000 -load 2 -soak 10m

.PHONY: soak-demo
soak-demo: ## build demo.qcow2 twenty times, and count the builds that fail
	@scripts/deps demo
	@scripts/demo-soak

.PHONY: bench
bench: ## the benchmarks
	@scripts/deps test
	$(GO) test -run '^$$' -bench . -benchmem ./...
	cd template && $(GO) test -run '^$$' -bench . -benchmem ./...

# One target of a package at a time is all that go test -fuzz can do.
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	@GO=$(GO) scripts/fuzz $(FUZZTIME)

.PHONY: clean
clean: ## remove what make has made
	rm -rf .bin .cache demo.qcow2 demo.qcow2.json demo-report.html

# The tools have a module of their own, so that nobody who imports this one
# gets their dependencies.
tools := $(wildcard internal/tools/go.* internal/tools/testsum/*.go)

.bin/staticcheck: internal/tools/go.mod internal/tools/go.sum
	cd internal/tools && $(GO) build -o ../../$@ honnef.co/go/tools/cmd/staticcheck
	@touch $@

.bin/testsum: $(tools)
	cd internal/tools && $(GO) build -o ../../$@ ./testsum
	@touch $@
