// Command secco compiles seccomp policies, converts them to the profiles that
// container runtimes take, and says and proves what filters do.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/linux"
)

func main() {
	os.Exit(secco(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// secco runs the program and returns its exit code.
func secco(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "secco: a fault in secco itself, please report it: %v\n%s", r, debug.Stack())
			code = exitSystem
		}
	}()
	app := newApp(stdin, stdout, stderr)
	if len(args) > 1 && args[1] == completeWord {
		for _, c := range complete(app, args[2:]) {
			fmt.Fprintln(stdout, c) // where the shell doesn't read it, nobody misses it
		}
		return exitDone
	}
	args, err := reorder(app, args)
	if err == nil {
		err = app.Run(args)
	}
	if err == nil {
		return exitDone
	}
	var f *failure
	if !errors.As(err, &f) {
		f = badInput("usage", "%s", err)
	}
	f.report(stderr, false)
	return f.code
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:  "secco",
		Usage: "compile, convert, prove and apply seccomp policies",
		Description: "A FILTER is a policy, a shipped policy's name, a raw program (.bpf), an OCI profile, or\n" +
			"another form that secco reads; what it is, is told from its content and its name's ending,\n" +
			"and --from settles it. \"-\" is standard input. Several policies are one unit, in order.\n" +
			"Flags may stand before and after arguments.\n\n" +
			"Exit codes: 0 done, 1 the answer is no, 2 bad input or usage, 3 the system refused or\n" +
			"what was asked for could not be checked, 4 undecided.",
		Commands: []*cli.Command{
			checkCommand, compileCommand, convertCommand, emulateCommand, disasmCommand, asmCommand, decompileCommand, mergeCommand,
			proveCommand, diffCommand, verifyCommand, testCommand, costCommand, runCommand, fmtCommand, profilesCommand, doctorCommand, completionCommand,
		},
		Version:                   buildVersion(),
		DisableSliceFlagSeparator: true,
		Reader:                    stdin,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		ExitErrHandler:            func(*cli.Context, error) {}, // exit codes are main's
		OnUsageError:              usageError,
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				c.App.Writer = stderr
				if err := cli.ShowAppHelp(c); err != nil {
					return err
				}
				return badInput("usage", "a command is missing")
			}
			return unknownCommand(c.App, c.Args().First())
		},
	}
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprint(c.App.Writer, version()) }
	for _, c := range app.Commands {
		c.HideHelpCommand = true // "help" may be a file's name
		c.CustomHelpTemplate = helpOf(c)
		c.OnUsageError = usageError
	}
	return app
}

func usageError(c *cli.Context, err error, _ bool) error {
	f := badInput("usage", "%s", strings.TrimPrefix(err.Error(), "flag provided but "))
	f.hint("see secco %s --help", c.Command.Name)
	if c.Command.Name == c.App.Name {
		f.hint("see secco --help")
	}
	return f
}

func unknownCommand(app *cli.App, name string) error {
	f := badInput("usage", "no command %q", name)
	var known []string
	for _, command := range app.Commands {
		known = append(known, command.Name)
	}
	if near, ok := linux.Closest(name, known); ok {
		f.hint("did you mean %q?", near)
	}
	return f
}
