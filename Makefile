FUZZTIME ?= 2000x

.PHONY: build test golden check bench demo e2e

build:
	go build -o bin/ ./cmd/scion-gen

# Renders the example fleet and lets kustomize read the result.
demo: build
	bin/scion-gen render examples/fleet -o out/fleet
	go tool kustomize build out/fleet | grep -c '^kind: Pod$$'

test:
	.ci/setup
	go test -timeout 30m ./...

# Rewrites the expected files. Those of golden/phasemap are sealed: see docs/phases.md.
# Packages without expected files do not know the flag.
golden:
	go test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' cmd pkg | xargs -n 1 dirname | sort -u | sed 's|^|./|') -update

check:
	.ci/setup
	test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff
	go test -race -timeout 40m ./...
	.ci/fuzz $(FUZZTIME)

bench:
	go test -run '^$$' -bench . ./...
	cd bench && go test -run '^$$' -bench . ./...
	cd e2e && go test -run '^$$' -bench . .

# Asks a real API server, which it builds the first time: see e2e/README.md.
e2e:
	cd e2e && go vet ./... && go test -count=1 -timeout 30m ./...
