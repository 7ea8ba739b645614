module secco/test/bench/peers

go 1.26.3

require (
	github.com/elastic/go-seccomp-bpf v1.6.0
	github.com/moby/profiles/seccomp v0.2.3
	github.com/opencontainers/runtime-spec v1.3.0
	golang.org/x/net v0.52.0
	gvisor.dev/gvisor v0.0.0-20260905035102-160fafc42237
	secco v0.0.0
)

require (
	github.com/go-air/gini v1.0.4 // indirect
	github.com/seccomp/libseccomp-golang v0.11.1 // indirect
	go.yaml.in/yaml/v3 v3.0.3 // indirect
	golang.org/x/exp v0.0.0-20250711185948-6ae5c78190dc // indirect
	golang.org/x/sys v0.49.0
	golang.org/x/time v0.15.0 // indirect
)

replace secco => ../../..
