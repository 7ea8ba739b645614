package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
	"secco/policy/prove"
	"secco/source"
)

// explain runs a command under a filter and tells, as it happens, what the filter
// refuses and by which rule. It does not return where a signal ended the command:
// then this process ends the same way.
func (s *session) explain(f *filter, program bpf.Program, opts hook.Options, path string, argv []string) error {
	e := &explainer{session: s, filter: f, times: map[refusal]int{}}
	status, err := hook.Follow(program, opts, path, argv, os.Environ(), hook.Watch{Started: handOn, Refused: e.refused})
	if failed := (*hook.ExecError)(nil); errors.As(err, &failed) {
		return newFailure(failed.Code(), "no-command", "%s", err)
	} else if follow := (*hook.FollowError)(nil); errors.As(err, &follow) {
		failed := refused("trace", "%s", err)
		if errors.Is(err, unix.EPERM) {
			failed.hint("it may be followed already, by a debugger say, or a filter or security module forbids ptrace")
		}
		return failed
	} else if err != nil {
		return refused("install", "%s: %s", f.name, err)
	}
	e.summary()
	if status.Signaled() {
		hook.EndBy(status.Signal())
	}
	if code := status.ExitStatus(); code != 0 {
		return &failure{code: code}
	}
	return nil
}

// handOn hands signals on to the command, which would have got them without being
// followed. What a terminal sends goes to the command anyway, and it decides: for this
// process it is nothing. (Handlers, not SIG_IGN: that the command would inherit.)
func handOn(pid int) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	go func() {
		for received := range signals {
			switch received {
			case unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2:
				_ = unix.Kill(pid, received.(unix.Signal)) // it may have ended
			}
		}
	}()
}

// refusal is what makes two refusals the same to people.
type refusal struct {
	audit, nr uint32
	verdict   linux.Action
	rule      source.Span
}

// explainer tells of refusals, each kind of them once.
type explainer struct {
	*session
	filter *filter
	times  map[refusal]int
	order  []refusal
}

func (e *explainer) refused(r hook.Refusal) {
	kind := refusal{audit: r.Call.Arch, nr: r.Call.NR, verdict: r.Verdict}
	if e.filter.policy != nil {
		_, kind.rule = e.filter.policy.Eval(&r.Call)
	}
	if e.times[kind]++; e.times[kind] > 1 && !e.json {
		return
	}
	e.order = append(e.order, kind)
	call := takenOf(r.Call)
	if e.json {
		line := struct {
			PID     int       `json:"pid"`
			Command string    `json:"command"`
			Call    *callJSON `json:"call"`
			Action  string    `json:"action"`
			Rule    string    `json:"rule,omitempty"`
		}{r.PID, r.Command, callLine(&r.Call), actionText(r.Verdict, &r.Call), ""}
		if !kind.rule.IsZero() {
			line.Rule = kind.rule.String()
		}
		_, _ = e.App.ErrWriter.Write(jsonLine(line)) // the command goes on where nobody reads it
		return
	}
	text := fmt.Sprintf("secco: %s[%d]: %s: %s\n", source.Printable(r.Command), r.PID, prove.CallString(&call), actionText(r.Verdict, &r.Call))
	if !kind.rule.IsZero() {
		line := kind.rule.File().Line(kind.rule.Position().Line)
		text += fmt.Sprintf("    %s: %s\n", kind.rule, source.Printable(strings.TrimSpace(strings.ReplaceAll(line, "\t", " "))))
	}
	fmt.Fprint(e.App.ErrWriter, text)
}

// takenOf returns a call without what the kernel does not look at: the registers of
// arguments that the syscall does not have, and where it comes from.
func takenOf(d linux.SeccompData) linux.SeccompData {
	d.IP = 0
	arch, ok := linux.ArchOf(d.Arch, d.NR)
	if !ok {
		return d
	}
	name, _ := arch.SyscallName(d.NR)
	params, ok := arch.Prototype(name)
	if !ok {
		return d
	}
	for i := range d.Args {
		switch {
		case i >= len(params):
			d.Args[i] = 0
		case params[i].Bits <= 32:
			d.Args[i] &= 1<<32 - 1
		}
	}
	return d
}

// summary tells how often there was what was told once.
func (e *explainer) summary() {
	if e.json {
		return
	}
	for _, k := range e.order {
		if n := e.times[k]; n > 1 {
			d := linux.SeccompData{Arch: k.audit, NR: k.nr}
			fmt.Fprintf(e.App.ErrWriter, "secco: %s: %s %d times\n", strings.TrimSuffix(prove.CallString(&d), "()"), actionText(k.verdict, &d), n)
		}
	}
}
