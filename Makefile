# vaiven: build, test, measure. `make` lists the targets.

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   := -s -w -X main.version=$(VERSION)
PLATFORMS := linux/amd64 linux/arm64 linux/arm/6 windows/amd64 darwin/arm64 darwin/amd64
GOTESTFLAGS ?=
FUZZTIME  ?= 4s
# Compiling is most of what `make test` costs on a new machine. All but the race
# detector's tests share one kind of build, and go vet runs once, in lint.
SHARED    := CGO_ENABLED=0 GOFLAGS="$(shell go env GOFLAGS) -trimpath"
SUITES    := $(SHARED) go test -vet=off -tags suites -count=1 $(GOTESTFLAGS)
TOOLS     := .work/staticcheck .work/openapilint .work/platforms

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build test deps lint static vuln unit fuzz journey dist suites office soak bench bench-smoke clean

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: build ## build and start a server with three simulated boards
	bin/vaiven serve --simulate 3

build: ## build bin/vaiven for this computer
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/vaiven ./cmd/vaiven

test: deps static unit suites bench-smoke ## everything but what CI adds, fuzzing and builds for all platforms (Debian; about 15 minutes on 2 cores)

deps: ## install the Debian packages that the tests need, if they are missing
	@scripts/deps test

lint: static vuln ## all that looks at the code without running it

static: $(TOOLS) ## gofmt, go vet, staticcheck, the types on every platform, and a linter of the OpenAPI document
	@$(SHARED) scripts/lint $(PLATFORMS)

vuln: ## known holes of what we build on: fails if an update closes one
	@$(SHARED) scripts/vuln
	@$(SHARED) go test -C tools/vuln $(GOTESTFLAGS) .

unit: ## every package's tests under the race detector
	go test -race -vet=off -timeout 20m $(GOTESTFLAGS) $$(go list ./... | grep -v '^vaiven/test/')
	$(SHARED) go test -C tools $(GOTESTFLAGS) ./...

fuzz: ## every fuzz target for FUZZTIME each (default 4s)
	@$(SHARED) scripts/fuzz $(FUZZTIME)

journey: ## count the functions that a reading and a press pass, and hold them against docs/journeys
	@$(SHARED) scripts/journey

dist: ## static binaries for every platform, in dist/
	@scripts/dist '$(VERSION)' '$(LDFLAGS)' $(PLATFORMS)

suites: ## the whole program under foreign boards, kill -9, power cuts, full disks, damaged files
	$(SUITES) -p 3 -timeout 40m ./test/...
	$(SHARED) go test -vet=off $(GOTESTFLAGS) -run TestMadeUpIDsLeaveNothing ./internal/gateway # all of them, which the race detector does not see

office: ## exports in LibreOffice with a Spanish locale (installs libreoffice-calc, some 300 MB)
	@scripts/deps office
	$(SHARED) go test -vet=off -tags office -count=1 $(GOTESTFLAGS) ./test/office

soak: deps ## every fuzz target for 2 minutes, the kill test for 1,000 cycles, 50 power cuts, 1,000 file faults, 10,000 changes of state, 50 boards for ten of their hours: hours
	$(MAKE) fuzz FUZZTIME=2m
	$(SUITES) -timeout 0 ./test/kill -cycles 1000
	$(SUITES) -timeout 0 ./test/kill -run 'Long|Trimming' -readings 50000000 -trims 100
	$(SUITES) -timeout 0 ./test/powercut -cycles 50
	$(SUITES) -timeout 0 ./test/faults -cases 1000
	$(SUITES) -timeout 0 ./test/diskfull -cycles 100
	$(SUITES) -timeout 0 ./test/gateways -cycles 100
	$(SUITES) -timeout 0 ./test/changes -run Chaos -changes 10000 -kills 20 -still 30s
	$(SUITES) -timeout 0 ./test/firmware/board -run TestFleet -hours 10 -kills 20

bench: ## the side-by-side benchmarks, about 20 minutes, results in bench/results
	@scripts/deps bench
	$(MAKE) -C bench bench

bench-smoke: ## that the benchmarks still build and start
	$(MAKE) -C bench smoke

clean: ## remove what make made
	rm -rf bin dist .work test/pi-vm/.work

$(TOOLS): tools/go.mod tools/go.sum $(wildcard tools/*/*.go)
	$(SHARED) go build -C tools -o ../.work/ honnef.co/go/tools/cmd/staticcheck ./openapilint ./platforms
