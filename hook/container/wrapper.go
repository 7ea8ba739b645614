package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"secco/linux"
	"secco/oci"
	"secco/source"
)

// A Wrapper stands in for a container runtime: it puts a policy's profile into
// the config.json of every container that is about to be created, and leaves all
// the rest to the runtime.
type Wrapper struct {
	Runtime string // name or path of the wrapped one
	Choice  Choice
}

// An Invocation is what a runtime was called with, as far as a wrapper needs it.
type Invocation struct {
	Command   string // "" where there is none
	Bundle    string // of create and run
	Config    string // path of the config.json
	Log       string // --log; errors go there as well
	LogFormat string
}

// The global flags of runc and crun that stand before the command, by whether
// they take a value.
var globalFlags = map[string]bool{
	"--log": true, "--log-format": true, "--log-level": true, "--root": true, "--criu": true, "--rootless": true, "--cgroup-manager": true,
	"--debug": false, "--systemd-cgroup": false, "--help": false, "-h": false, "-?": false, "--usage": false, "--version": false, "-v": false, "-V": false,
}

// The flags of runc's and crun's commands that start a container, likewise.
var creatingFlags = map[string]bool{
	"--bundle": true, "-b": true, "--config": true, "-f": true,
	"--console-socket": true, "--pid-file": true, "--pidfd-socket": true, "--preserve-fds": true,
	"--detach": false, "-d": false, "--keep": false, "--no-new-keyring": false, "--no-pivot": false, "--no-subreaper": false,
	"--help": false, "-h": false, "-?": false, "--usage": false, "--version": false, "-V": false,
}

// creating are the commands that start a container from a bundle.
var creating = []string{"create", "run", "restore"}

// Parse finds the command of a runtime's arguments and its bundle. Flags that it
// doesn't know are an error where they could hide a container's start.
func Parse(args []string) (inv Invocation, err error) {
	defer func() {
		if err != nil && inv.Log == "" {
			inv.findLog(args)
		}
	}()
	i := 0
	for ; i < len(args) && strings.HasPrefix(args[i], "-") && args[i] != "-"; i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		if strings.HasPrefix(name, "-") && !strings.HasPrefix(name, "--") && len(name) > 2 { // runc takes -log for --log
			name = "-" + name
		}
		takesValue, known := globalFlags[name]
		switch {
		case !known && !hasValue && slices.ContainsFunc(args[i:], func(a string) bool { return slices.Contains(creating, a) }):
			return inv, fmt.Errorf("unknown flag %s before the command: write it as %s=VALUE", name, name)
		case takesValue && !hasValue:
			if i++; i == len(args) {
				return inv, fmt.Errorf("flag %s has no value", name)
			}
			value = args[i]
		}
		switch name {
		case "--log":
			inv.Log = value
		case "--log-format":
			inv.LogFormat = value
		}
	}
	if i == len(args) {
		return inv, nil
	}
	inv.Command = args[i]
	if !slices.Contains(creating, inv.Command) {
		return inv, nil
	}
	err = inv.parseCreating(args[i+1:])
	return inv, err
}

// findLog finds where an error over flags before the command goes to.
func (inv *Invocation) findLog(args []string) {
	for i, a := range args {
		name, value, hasValue := strings.Cut(a, "=")
		if !hasValue && i+1 < len(args) {
			value = args[i+1]
		}
		switch {
		case slices.Contains(creating, a):
			return
		case name == "--log":
			inv.Log = value
		case name == "--log-format":
			inv.LogFormat = value
		}
	}
}

// parseCreating finds the bundle among the arguments behind a command that starts a
// container. runc reads them as Go's package flag does, crun as getopt_long: what
// one of them could take for another bundle than the other is an error.
func (inv *Invocation) parseCreating(args []string) error {
	inv.Bundle = "."
	config := "config.json"
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		if !strings.HasPrefix(args[i], "-") || args[i] == "-" {
			continue
		}
		name, value, hasValue := strings.Cut(args[i], "=")
		takesValue, known := creatingFlags[name]
		switch {
		case !strings.HasPrefix(name, "--") && len(args[i]) > 2:
			// -bX and -b=X: getopt's value is X and =X, Go's none and X. -bundle: getopt's value is undle.
			return fmt.Errorf("flag %s may stand for --bundle: write long flags with two dashes, and the values of short ones apart", args[i])
		case !known && (strings.HasPrefix("--bundle", name) || strings.HasPrefix("--config", name)): //nolint:gocritic // getopt takes any beginning of a flag: the order is meant
			return fmt.Errorf("flag %s may stand for --bundle or --config: write it out", args[i])
		case !known && !hasValue && i+1 < len(args) && strings.HasPrefix(args[i+1], "-"):
			return fmt.Errorf("flag %s is unknown, and %s may be its value: write it as %s=VALUE, or last", name, args[i+1], name)
		case takesValue && !hasValue:
			if i++; i == len(args) {
				return fmt.Errorf("flag %s has no value", name)
			}
			value = args[i]
		}
		switch name {
		case "--bundle", "-b":
			inv.Bundle = value
		case "--config", "-f":
			config = value
		}
	}
	if inv.Config = config; !filepath.IsAbs(config) {
		inv.Config = filepath.Join(inv.Bundle, config)
	}
	return nil
}

// Prepare gives the container that is about to be created its profile. Restoring
// from a checkpoint is refused: the filter would be the checkpoint's.
//
// The warnings are about what the runtime itself needs and the policy refuses.
func (w Wrapper) Prepare(inv Invocation) (source.Diagnostics, error) {
	switch inv.Command {
	case "create", "run":
		if err := checkName(w.Runtime); err != nil {
			return nil, err
		}
		if path, err := exec.LookPath(w.Runtime); err == nil { // else it isn't executed
			if err := checkSeccomp(path, path); err != nil {
				return nil, err
			}
		}
	case "restore":
		return nil, errors.New("a restored container has the filter that it was saved with, not the policy's")
	default:
		return nil, nil
	}
	var warnings source.Diagnostics
	find := w.Choice.libseccomp(func() (oci.Libseccomp, error) {
		path, err := w.Find()
		if err != nil {
			return oci.Libseccomp{}, err
		}
		return programLibseccomp(path)()
	})
	err := EditConfig(inv.Config, func(c *Config) error {
		f, err := w.Choice.apply(c, find)
		if err != nil {
			return err
		}
		noNewPrivs, err := c.NoNewPrivs()
		noNewPrivs = noNewPrivs && err == nil // not all runtimes would set it
		native, _ := linux.ParseArch(runtime.GOARCH)
		warnings = LintStartup(f.Program, native, filepath.Base(w.Runtime), noNewPrivs)
		return nil
	})
	return warnings, err
}

// Find returns the wrapped runtime's path. That it is the wrapper itself is an
// error.
func (w Wrapper) Find() (string, error) {
	path, err := exec.LookPath(w.Runtime)
	if err != nil {
		return "", fmt.Errorf("runtime %q: %w", w.Runtime, err)
	}
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil {
		return "", err
	} else if os.SameFile(self, info) {
		return "", fmt.Errorf("runtime %q is the wrapper itself", w.Runtime)
	}
	return path, nil
}

// Report appends an error to the file that the caller reads errors from, in the
// runtime's own form; engines show nothing else.
func (inv Invocation) Report(failure error) error { return inv.log("error", failure) }

// Warn appends a warning to the same file.
func (inv Invocation) Warn(warning error) error { return inv.log("warning", warning) }

func (inv Invocation) log(level string, message error) error {
	if inv.Log == "" {
		return nil
	}
	// crun's log may be one of the system's.
	driver, rest, _ := strings.Cut(inv.Log, ":")
	switch driver {
	case "file":
		inv.Log = rest
	case "journald", "syslog":
		return logSystem(level, rest, message)
	}
	now := time.Now().Format(time.RFC3339)
	line := fmt.Appendf(nil, "time=%q level=%s msg=%q\n", now, level, message)
	if inv.LogFormat == "json" {
		text, err := json.Marshal(struct {
			Level string `json:"level"`
			Msg   string `json:"msg"`
			Time  string `json:"time"`
		}{level, message.Error(), now})
		if err != nil {
			return err
		}
		line = fmt.Appendf(nil, "%s\n", text)
	}
	f, err := os.OpenFile(inv.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Close())
}

// logSystem sends a message to the system's log, which is journald's where that runs.
func logSystem(level, tag string, message error) error {
	priority := syslog.LOG_ERR
	if level == "warning" {
		priority = syslog.LOG_WARNING
	}
	w, err := syslog.New(syslog.LOG_DAEMON|priority, tag)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, message.Error())
	return errors.Join(err, w.Close())
}
