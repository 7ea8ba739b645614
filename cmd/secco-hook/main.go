// Command secco-hook puts filters on containers from the hooks that runtimes and
// engines call: install, gate and precreate. Its other commands write the
// configuration for that.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"secco/hook/container"
	"secco/source"
)

const settingsFile = "/etc/secco/hook.conf"

func main() { os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr)) }

// run runs the command and returns the exit code. Any but 0 stops the container.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := newApp(stdin, stdout, stderr).Run(args)
	if err == nil {
		return 0
	}
	var findings source.Diagnostics
	if errors.As(err, &findings) {
		for _, d := range findings {
			fmt.Fprint(stderr, d.String())
		}
	}
	fmt.Fprintf(stderr, "secco-hook: %v\n", err)
	return 1
}

var choiceFlags = []cli.Flag{
	&cli.StringFlag{Name: "policy", Usage: "the policy of all containers: a `FILE`, or a name in the directory"},
	&cli.StringFlag{Name: "dir", Usage: "the `DIRECTORY` where names are looked up (/etc/secco)"},
	&cli.StringFlag{Name: "default", Usage: "the policy of containers without the annotation " + container.PolicyAnnotation + ": a `NAME`"},
	&cli.StringFlag{Name: "sandbox", Usage: "the policy of pods' pause containers: a `NAME` (" + container.SandboxPolicy + ")"},
	&cli.StringFlag{Name: "libseccomp", Usage: "the `RELEASE` of libseccomp that the runtime has; found out if not given"},
	&cli.StringFlag{Name: "settings", Usage: "a JSON `FILE` with policy, dir, default, sandbox and libseccomp; flags win", Value: settingsFile},
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:  "secco-hook",
		Usage: "put filters on containers, from the hooks that runtimes call",
		Description: "install, gate and precreate are called by runtimes and engines, with the container's\n" +
			"state or configuration on standard input. An error stops the container.",
		Reader: stdin, Writer: stdout, ErrWriter: stderr,
		HideVersion:    true,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return err },
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return fmt.Errorf("no command %q; see secco-hook --help", c.Args().First())
			}
			return errors.New("a command is missing; see secco-hook --help")
		},
		Commands: []*cli.Command{{
			Name:  "install",
			Usage: "prestart or createRuntime hook: put a policy's exact program on the container",
			Description: "The program holds from the payload's first instruction on; the runtime's own steps\n" +
				"before it are not under it. Needs CAP_SYS_ADMIN, Linux 4.3 and amd64 or arm64. Processes that\n" +
				"enter later (exec) are not filtered: give the container a profile as well.",
			Flags: choiceFlags,
			Action: func(c *cli.Context) error {
				choice, err := choiceOf(c)
				if err != nil {
					return err
				}
				state, err := container.ReadState(c.App.Reader)
				if err != nil {
					return err
				}
				return container.Install(state, choice, exec.Command("/proc/self/exe", "supervise"))
			},
		}, {
			Name:   "supervise",
			Usage:  "what install leaves behind until the payload runs; not to be called by hand",
			Hidden: true,
			Action: func(*cli.Context) error { return container.Supervise(os.Stdin, os.Stdout) },
		}, {
			Name:  "gate",
			Usage: "prestart or createRuntime hook: refuse containers whose profile is less strict than a policy",
			Description: "The profile in config.json is proved to do with every call at least as strict a thing as\n" +
				"the policy; if it doesn't, the error shows a call.",
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "stricter-than", Usage: "the same as --policy: a `FILE` or a name"},
				&cli.BoolFlag{Name: "installed", Usage: "judge what the kernel holds just before the payload runs, in place of config.json;\n" +
					"a container that is not strict enough is killed then. Needs what install needs, on any machine"},
				&cli.StringFlag{Name: "log", Usage: "a `FILE` that --installed writes its reasons to"},
			}, choiceFlags...),
			Action: func(c *cli.Context) error {
				choice, err := choiceOf(c)
				if err != nil {
					return err
				}
				if p := c.String("stricter-than"); p != "" {
					choice.Policy = p
				}
				state, err := container.ReadState(c.App.Reader)
				if err != nil {
					return err
				}
				if c.Bool("installed") {
					return container.GateInstalled(state, choice, exec.Command("/proc/self/exe", "supervise"), c.String("log"))
				}
				return container.Gate(state, choice)
			},
		}, {
			Name:  "precreate",
			Usage: "podman's precreate hook: give the container the policy as its profile",
			Flags: choiceFlags,
			Action: func(c *cli.Context) error {
				choice, err := choiceOf(c)
				if err != nil {
					return err
				}
				text, err := container.Precreate(c.App.Reader, choice)
				if err != nil {
					return err
				}
				_, err = c.App.Writer.Write(text)
				return err
			},
		}, {
			Name:      "config",
			Usage:     "print a file for podman's or CRI-O's hooks.d",
			ArgsUsage: "-- COMMAND [FLAG...]",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "engine", Usage: "podman or crio", Value: "podman"},
				&cli.StringFlag{Name: "stage", Usage: "prestart, createRuntime or, for podman, precreate", Required: true},
				&cli.StringFlag{Name: "path", Usage: "where secco-hook is on the host; where it is now if not given"},
			},
			Action: func(c *cli.Context) error {
				h, err := hookOf(c, c.Args().Slice())
				if err != nil {
					return err
				}
				text, err := container.NewHookFile(c.String("engine"), c.String("stage"), h)
				if err != nil {
					return err
				}
				_, err = c.App.Writer.Write(text)
				return err
			},
		}, {
			Name:      "inject",
			Usage:     "add a hook to the config.json of a bundle",
			ArgsUsage: "BUNDLE -- COMMAND [FLAG...]",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "stage", Usage: "prestart or createRuntime", Value: "createRuntime"},
				&cli.StringFlag{Name: "path", Usage: "where secco-hook is on the host; where it is now if not given"},
			},
			Action: func(c *cli.Context) error {
				if c.NArg() == 0 {
					return errors.New("a bundle is missing")
				}
				args := c.Args().Tail()
				if len(args) > 0 && args[0] == "--" {
					args = args[1:]
				}
				h, err := hookOf(c, args)
				if err != nil {
					return err
				}
				return container.InjectHook(c.Args().First(), c.String("stage"), h)
			},
		}},
	}
	return app
}

// choiceOf returns what the flags and the settings say.
func choiceOf(c *cli.Context) (container.Choice, error) {
	if c.NArg() > 0 {
		return container.Choice{}, fmt.Errorf("unexpected argument %q", c.Args().First())
	}
	file := c.String("settings")
	if c.IsSet("settings") {
		if _, err := os.Stat(file); err != nil {
			return container.Choice{}, err
		}
	}
	s, err := container.ReadSettings(file)
	if err != nil {
		return container.Choice{}, err
	}
	choice := container.Choice{Policy: s.Policy, Dir: s.Dir, Default: s.Default, Sandbox: s.Sandbox, Libseccomp: s.Libseccomp}
	for flag, to := range map[string]*string{"libseccomp": &choice.Libseccomp, "policy": &choice.Policy, "dir": &choice.Dir, "default": &choice.Default, "sandbox": &choice.Sandbox} {
		if c.IsSet(flag) {
			*to = c.String(flag)
		}
	}
	if choice.Dir == "" {
		choice.Dir = "/etc/secco"
	}
	return choice, nil
}

// hookOf returns the hook that calls secco-hook with these arguments, which must
// make sense.
func hookOf(c *cli.Context, args []string) (specs.Hook, error) {
	path := c.String("path")
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return specs.Hook{}, err
		}
	}
	if len(args) == 0 {
		args = []string{"install"}
		if c.String("stage") == "precreate" {
			args[0] = "precreate"
		}
	}
	want := map[string]bool{"install": true, "gate": true}
	if c.String("stage") == "precreate" {
		want = map[string]bool{"precreate": true}
	}
	if !want[args[0]] {
		return specs.Hook{}, fmt.Errorf("%q is no command for stage %s", args[0], c.String("stage"))
	}
	// A flag that is wrong would stop every container: parse them once with empty
	// input, which fails for want of it, and for nothing else.
	app := newApp(bytes.NewReader(nil), io.Discard, io.Discard)
	if err := app.Run(append([]string{"secco-hook"}, args...)); err != nil && strings.Contains(err.Error(), "flag") {
		return specs.Hook{}, err
	}
	return specs.Hook{Path: path, Args: append([]string{filepath.Base(path)}, args...)}, nil
}
