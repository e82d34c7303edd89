# make check   format, vet, lint, tidiness, builds, unit tests with the race detector, boundary test: minutes
# make test    check, then the newest Kubernetes modules and real API servers, which the first run builds
# make bench   benchmarks           BENCH=Weighted BENCHTIME=1s COUNT=1
# make fuzz    every fuzz target    FUZZTIME=10s
# make golden  rewrite the golden files; read the difference before you commit it
# make fmt     format the code
# make mod     tidy every go.mod, after a change of requirements

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.PHONY: check test bench fuzz golden fmt mod fmt-check vet lint tidy build unit boundary skew e2e

BENCH ?= .
BENCHTIME ?= 1s
COUNT ?= 1
FUZZTIME ?= 10s

root := github.com/confed-project/confed

# Every directory with a go.mod is a module: found here, listed nowhere. Those without Go files only pin tools.
modules := $(sort $(patsubst %/,%,$(dir $(shell find . -name .git -prune -o -name testdata -prune -o -name go.mod -print))))
code := $(foreach m,$(modules),$(if $(shell find $(m) -name '*.go' -print -quit),$(m)))
unit := $(filter-out ./internal/e2e ./internal/skew,$(code))

# $(call each,MODULES,WHAT,COMMAND) runs the command in each module, and says so.
each = @for m in $(1); do echo "==> $(2) ($$m)"; (cd $$m && $(3)); done

check: fmt-check vet lint tidy build unit boundary
	@echo "==> check: all is well"

test: check skew e2e
	@echo "==> test: all is well"

fmt:
	@echo "==> format"
	@gofmt -l -w .

mod:
	$(call each,$(modules),tidy,go mod tidy)

fmt-check:
	@echo "==> format"
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "run make fmt:"; echo "$$files"; exit 1; }

vet:
	$(call each,$(code),vet,go vet ./...)

lint:
	@echo "==> golangci-lint, built once per version"
	@go run ./internal/pinned/pin lint
	$(call each,$(code),lint,$$(cd $(CURDIR) && go run ./internal/pinned/pin lint)/golangci-lint run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...)

tidy:
	$(call each,$(modules),go.mod is tidy,go mod tidy -diff || { echo "run make mod"; exit 1; })

build:
	$(call each,$(code),build,go build ./...)

unit:
	$(call each,.,unit tests with the race detector,go test -race ./...)
	$(call each,$(filter-out .,$(unit)),unit tests,go test ./...)

# The answers come from the go command, which the test cache does not watch.
boundary:
	@echo "==> boundary and house rules"
	@go test -count=1 -run '^Test(Boundary|House)' .

# The root package has only the boundary tests, which do not depend on versions.
skew:
	@echo "==> unit tests against the newest Kubernetes modules"
	@cd internal/skew && go test $$(go list $(root)/... | grep -v -e '^$(root)$$' -e '^$(root)/internal/pinned' -e '^$(root)/internal/skew')

e2e:
	@echo "==> the API servers, KubeFed and kwok, built once per version"
	@go run ./internal/pinned/pin kube
	@go run ./internal/pinned/pin kubefed
	@go run ./internal/pinned/pin kwok
	@echo "==> end to end on real API servers"
	@cd internal/e2e && go test -count=1 -timeout 20m ./...
	@echo "==> external-dns on a real API server"
	@cd internal/dnstest && go test -count=1 -timeout 20m -tags externaldns ./...

bench:
	$(call each,$(unit),benchmarks,go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -count $(COUNT) -benchmem ./...)

fuzz:
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -run '^$$' -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "==> fuzz $$pkg $$target for $(FUZZTIME)"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

golden:
	@for dir in $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -r dirname | sort -u); do \
		echo "==> golden files ($$dir)"; \
		(cd $$dir && go test -count=1 . -update); \
	done
	@git status --short -- '*.golden'
