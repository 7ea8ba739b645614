// Command secco-runtime stands in for a container runtime, runc or crun: it gives
// every container that is created the profile of a policy, and passes everything
// else through.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"secco/hook"
	"secco/hook/container"
)

const settingsFile = "/etc/secco/runtime.conf"

const usage = `usage: secco-runtime [--secco-FLAG=VALUE...] RUNTIME-ARGUMENTS...

Stands in for runc or crun: gives every container that is created the profile of a
policy, whatever profile it had, and passes everything else through.

  --secco-runtime=PATH  the runtime to run; "runc" if not given
  --secco-policy=P      the policy of all containers: a file, or a name in the directory
  --secco-dir=DIR       where names are looked up; "/etc/secco" if not given
  --secco-default=NAME  the policy of containers without the annotation
                        ` + container.PolicyAnnotation + `
  --secco-sandbox=NAME  the policy of pods' pause containers; "` + container.SandboxPolicy + `" if not given
  --secco-libseccomp=V  the release of libseccomp that the runtime has, such as 2.5.4;
                        found out if not given
  --secco-config=FILE   settings, as JSON: runtime, policy, dir, default, sandbox,
                        libseccomp; flags win. "` + settingsFile + `" if not given
  --secco-help          this text

Without a policy that is found, can be said as a profile and is written, no container
starts.
`

// What the runtime starts with shall be what this process's main thread has: it
// holds the parent-death signal.
func init() { runtime.LockOSThread() }

func main() {
	os.Exit(run(os.Args, os.Environ(), os.Stdout, os.Stderr))
}

// run becomes the runtime; it returns an exit code where it doesn't.
func run(argv, env []string, stdout, stderr io.Writer) int {
	own, args := split(argv[1:])
	if _, ok := own["help"]; ok {
		fmt.Fprint(stdout, usage)
		return 0
	}
	inv, err := container.Parse(args)
	if err == nil {
		var path string
		if path, err = prepare(own, inv); err == nil {
			err = hook.Become(path, append([]string{path}, args...), env)
		}
	}
	err = fmt.Errorf("secco-runtime: %w", err)
	fmt.Fprintln(stderr, err)
	if logErr := inv.Report(err); logErr != nil {
		fmt.Fprintf(stderr, "secco-runtime: %v\n", logErr)
	}
	return 1
}

// split parts secco's own flags from the runtime's. They stand first.
func split(args []string) (own map[string]string, rest []string) {
	own = map[string]string{}
	for i, a := range args {
		flag, ok := strings.CutPrefix(a, "--secco-")
		if !ok {
			return own, args[i:]
		}
		name, value, _ := strings.Cut(flag, "=")
		own[name] = value
	}
	return own, nil
}

// prepare gives the container its profile and returns the runtime's path.
func prepare(own map[string]string, inv container.Invocation) (string, error) {
	file, fileGiven := own["config"]
	if !fileGiven {
		file = settingsFile
	} else if _, err := os.Stat(file); err != nil {
		return "", err
	}
	settings, err := container.ReadSettings(file)
	if err != nil {
		return "", err
	}
	fields := map[string]*string{"runtime": &settings.Runtime, "policy": &settings.Policy, "dir": &settings.Dir, "default": &settings.Default, "sandbox": &settings.Sandbox, "libseccomp": &settings.Libseccomp, "config": &file}
	for name, value := range own {
		field, ok := fields[name]
		if !ok || value == "" {
			return "", errors.New("--secco-" + name + ": no such flag, or no =VALUE; see --secco-help")
		}
		*field = value
	}
	if settings.Runtime == "" {
		settings.Runtime = "runc"
	}
	if settings.Dir == "" {
		settings.Dir = "/etc/secco"
	}
	w := container.Wrapper{
		Runtime: settings.Runtime,
		Choice:  container.Choice{Policy: settings.Policy, Dir: settings.Dir, Default: settings.Default, Sandbox: settings.Sandbox, Libseccomp: settings.Libseccomp},
	}
	path, err := w.Find()
	if err != nil {
		return "", err
	}
	warnings, err := w.Prepare(inv)
	for _, d := range warnings {
		_ = inv.Warn(fmt.Errorf("secco-runtime: %s", d.Message)) // the runtime itself will say that it can't write there
	}
	return path, err
}
