package container

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// HookFile is a file of hooks.d, which podman and CRI-O read (oci-hooks(5),
// version 1.0.0).
type HookFile struct {
	Version string     `json:"version"`
	Hook    specs.Hook `json:"hook"`
	When    struct {
		Always bool `json:"always"`
	} `json:"when"`
	Stages []string `json:"stages"`
}

// The stages that secco-hook is made for. CRI-O has no precreate.
var stages = map[string][]string{
	"podman": {"prestart", "createRuntime", "precreate"},
	"crio":   {"prestart", "createRuntime"},
}

// NewHookFile returns the text of a file for an engine, podman or crio, that calls
// a hook at a stage for every container.
func NewHookFile(engine, stage string, h specs.Hook) ([]byte, error) {
	known, ok := stages[engine]
	if !ok {
		return nil, fmt.Errorf("no engine %q: it is podman or crio", engine)
	}
	if !filepath.IsAbs(h.Path) {
		return nil, fmt.Errorf("the hook's path %q is not absolute", h.Path)
	}
	f := HookFile{Version: "1.0.0", Hook: h, Stages: []string{stage}}
	f.When.Always = true
	for _, s := range known {
		if s == stage {
			text, err := json.MarshalIndent(f, "", "\t")
			return append(text, '\n'), err
		}
	}
	return nil, fmt.Errorf("%s has no stage %q for secco-hook: it is one of %q", engine, stage, known)
}

// InjectHook adds a hook to the config.json of a bundle.
func InjectHook(bundle, stage string, h specs.Hook) error {
	if stage != "prestart" && stage != "createRuntime" {
		return fmt.Errorf("no stage %q: it is prestart or createRuntime", stage)
	}
	if !filepath.IsAbs(h.Path) {
		return fmt.Errorf("the hook's path %q is not absolute", h.Path)
	}
	return EditConfig(filepath.Join(bundle, "config.json"), func(c *Config) error { return c.AddHook(stage, h) })
}
