package container

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/hook/inject"
)

// An order is what the supervisor is told.
type order struct {
	Pid     int
	Runtime int // whose child it is
	Program []byte
	Flags   hook.Flags
	Gate    bool   // Program is not to be installed, but to be compared with what the runtime has
	Log     string // a file that later errors go to; may be empty
}

// installed is the supervisor's answer; any other text is an error.
const installed = "installed"

// Install puts a policy's exact program on a container that is being created, to
// hold from its payload's first instruction on. It returns once the program is
// installed. A supervisor of its own, which the command makes, stays until the
// payload is executed; it is to call [Supervise].
//
// Processes that enter the container later (runc exec) are not filtered, and
// hooks that run inside before the payload are.
func Install(state *specs.State, choice Choice, supervisor *exec.Cmd) error {
	filter, err := choice.Load(state.Annotations, capabilitiesOf(state), false)
	if err != nil {
		return err
	}
	if hook.Notifies(filter.Program) {
		return fmt.Errorf("%s: %w", filter.Name, hook.ErrNotifies)
	}
	if filter.Options.Flags&(hook.NewListener|hook.WaitKillableRecv) != 0 {
		return fmt.Errorf("%s: flag %v takes a listener", filter.Name, filter.Options.Flags)
	}
	config, err := configOf(state)
	if err != nil {
		return err
	}
	if want := filter.Options.NoNewPrivs; want != nil && *want {
		if set, err := config.NoNewPrivs(); err != nil {
			return err
		} else if !set {
			return fmt.Errorf("%s asks for no_new_privs, and the container has process.noNewPrivileges unset", filter.Name)
		}
	}
	runtime, err := followed(state, config)
	if err != nil {
		return err
	}
	return start(supervisor, order{
		Pid: state.Pid, Runtime: runtime, Program: bpf.Encode(filter.Program, binary.NativeEndian), Flags: filter.Options.Flags,
	})
}

// followed makes sure that a container's init is one that a supervisor can follow to
// its payload, and returns the runtime.
func followed(state *specs.State, config *Config) (runtime int, err error) {
	annotations, err := config.Annotations()
	if err != nil {
		return 0, err
	}
	runtime = os.Getppid()
	if err := checkRuntime(runtime, state.Annotations, annotations); err != nil {
		return 0, err
	}
	if err := checkInit(state.Pid, runtime); err != nil {
		return 0, err
	}
	if err := checkCode(state.Pid); errors.Is(err, fs.ErrPermission) {
		return 0, fmt.Errorf("it takes CAP_SYS_ADMIN in the initial user namespace, which rootless engines and their hooks have not: %w", err)
	} else if err != nil {
		return 0, err
	}
	return runtime, nil
}

// start starts the supervisor and waits for its answer.
func start(supervisor *exec.Cmd, o order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	supervisor.Stdin = bytes.NewReader(text)
	answer, err := supervisor.StdoutPipe()
	if err != nil {
		return err
	}
	supervisor.Dir = "/"
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := supervisor.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	text, err = io.ReadAll(io.LimitReader(answer, 1<<16))
	if err != nil {
		return fmt.Errorf("the supervisor: %w", err)
	}
	if string(text) == installed {
		return nil // it goes on without us
	}
	err = supervisor.Wait()
	if len(text) > 0 {
		return errors.New(strings.TrimSpace(string(text)))
	}
	return fmt.Errorf("the supervisor ended without an answer: %w", cmp.Or(err, io.ErrUnexpectedEOF))
}

// Supervise is the supervisor of [Install] and [GateInstalled]: it takes its order
// from in, answers to out when the container may go on or can't, and returns when
// the payload has been executed. It closes both, for runtimes wait for all that
// holds their pipes.
func Supervise(in io.Reader, out io.WriteCloser) error {
	_ = os.WriteFile("/proc/self/comm", []byte("secco-hook"), 0) // it was started as "exe"
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var o order
	if err = strictJSON(text, &o); err == nil {
		err = supervise(o, out)
	}
	if err != nil {
		fmt.Fprint(out, err) // to nobody where out has been answered to
		if o.Log != "" && !errors.Is(err, inject.ErrEnded) {
			err = errors.Join(err, Invocation{Log: o.Log, LogFormat: "json"}.Report(fmt.Errorf("secco-hook: container process %d: %w", o.Pid, err)))
		}
	}
	return errors.Join(err, out.Close())
}

func supervise(o order, out io.Writer) error {
	program, err := bpf.Decode(o.Program, binary.NativeEndian)
	if err != nil {
		return err
	}
	in := inject.Injection{
		Pid: o.Pid, Program: program, Flags: o.Flags,
		Check: func() error { return checkInit(o.Pid, o.Runtime) },
		Installed: func() error {
			if _, err := io.WriteString(out, installed); err != nil {
				return err // nobody waits for us: the runtime has given up
			}
			return detach()
		},
	}
	if o.Gate {
		in.Program = nil
		in.Verify = func(filters []bpf.Program) error { return strictEnough(filters, program) }
	}
	return in.Run()
}

// detach lets go of the standard streams, which are the runtime's.
func detach() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return err
		}
	}
	return nil
}
