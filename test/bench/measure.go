package bench

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
)

// Call is one kind of call of the server mix, with its share.
type Call struct {
	Data  linux.SeccompData
	Share float64
}

// ReadMix returns the mix: mix.txt has a syscall of x86_64, its share, and
// arguments such as a1=0x80 on each line.
func ReadMix() ([]Call, error) {
	text, err := files.ReadFile("testdata/mix.txt")
	if err != nil {
		return nil, err
	}
	var mix []Call
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		c, err := readCall(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("mix.txt:%d: %w", number, err)
		}
		mix = append(mix, c)
	}
	return mix, nil
}

func readCall(f []string) (c Call, err error) {
	if len(f) < 2 {
		return c, errors.New("a name and a share are needed")
	}
	nr, ok := linux.X86_64.Syscall(f[0])
	if !ok {
		return c, fmt.Errorf("no syscall %s", f[0])
	}
	c.Data = linux.SeccompData{NR: nr, Arch: linux.X86_64.Audit()}
	if c.Share, err = strconv.ParseFloat(f[1], 64); err != nil {
		return c, err
	}
	for _, a := range f[2:] {
		if len(a) < 4 || a[0] != 'a' || a[1] < '0' || a[1] > '5' || a[2] != '=' {
			return c, fmt.Errorf("no argument %q", a)
		}
		if c.Data.Args[a[1]-'0'], err = strconv.ParseUint(a[3:], 0, 64); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Frequencies returns the mix as the compiler takes it.
func Frequencies(mix []Call) map[linux.Arch]map[uint32]float64 {
	freq := map[uint32]float64{}
	for _, c := range mix {
		freq[c.Data.NR] += c.Share
	}
	return map[linux.Arch]map[uint32]float64{linux.X86_64: freq}
}

// Figures are what a program costs.
type Figures struct {
	Size    int     // instructions
	Uniform float64 // executed, in the mean over x86_64's syscalls, arguments 0
	Mix     float64 // executed, in the mean over the calls of the mix that are allowed; 0 where none is
	Worst   int     // on the longest way
}

func (f Figures) String() string {
	return fmt.Sprintf("%d/%.2f/%.2f/%d", f.Size, f.Uniform, f.Mix, f.Worst)
}

// Short returns the figures as docs/performance.md has them.
func (f Figures) Short() string {
	return fmt.Sprintf("%d/%.1f/%.1f/%d", f.Size, f.Uniform, f.Mix, f.Worst)
}

// lastSyscall is the last number of the table that the recorded figures of other
// compilers were taken with.
const lastSyscall = 467

// Measure returns the figures of a program for a workload.
func Measure(w *Workload, program bpf.Program, mix []Call) (Figures, error) {
	m, err := emulator.New(program)
	if err != nil {
		return Figures{}, err
	}
	steps := func(d *linux.SeccompData) float64 {
		n := 0
		m.Trace(d, func(emulator.Step) { n++ })
		return float64(n)
	}
	f := Figures{Size: len(program), Worst: longest(program)}
	count := 0.0
	for _, s := range linux.X86_64.Syscalls() {
		if s.NR <= lastSyscall {
			f.Uniform += steps(&linux.SeccompData{NR: s.NR, Arch: linux.X86_64.Audit()})
			count++
		}
	}
	f.Uniform /= count
	share := 0.0
	for _, c := range mix {
		if w.Verdict(&c.Data) == linux.Allow {
			f.Mix += c.Share * steps(&c.Data)
			share += c.Share
		}
	}
	if share > 0 {
		f.Mix /= share
	}
	return f, nil
}

// longest returns how many instructions the longest way through a valid program
// has.
func longest(p bpf.Program) int {
	const classMask, classJump, classReturn, always = 7, 5, 6, 5
	length := make([]int, len(p))
	for i := len(p) - 1; i >= 0; i-- {
		switch in := p[i]; {
		case in.Op&classMask == classReturn:
			length[i] = 1
		case in.Op == always:
			length[i] = 1 + length[i+1+int(in.K)]
		case in.Op&classMask == classJump:
			length[i] = 1 + max(length[i+1+int(in.Jt)], length[i+1+int(in.Jf)])
		default:
			length[i] = 1 + length[i+1]
		}
	}
	return length[0]
}

// Difference is a call that a program does not decide as the specification does.
type Difference struct {
	Call      linux.SeccompData
	Got, Want linux.Action
}

// Check runs a program on calls at and around all boundaries of a workload and
// returns how many there are and those decided otherwise than it says.
func Check(w *Workload, program bpf.Program) (calls int, differ []Difference, err error) {
	m, err := emulator.New(program)
	if err != nil {
		return 0, nil, err
	}
	try := func(d linux.SeccompData) {
		calls++
		if got, want := m.Run(&d), w.Verdict(&d); got != want {
			differ = append(differ, Difference{d, got, want})
		}
	}
	for d := range policy.Samples(w.Policy()) {
		try(d)
	}
	for _, a := range w.Arches {
		for _, r := range w.Rules {
			if nr, ok := a.Syscall(r.Syscall); ok {
				combine(linux.SeccompData{NR: nr, Arch: a.Audit()}, r.Conds, try)
			}
		}
	}
	return calls, differ, nil
}

// combine tries a call with all combinations of what its conditions tell apart.
func combine(d linux.SeccompData, conds []Condition, try func(linux.SeccompData)) {
	if len(conds) == 0 {
		try(d)
		return
	}
	c := conds[0]
	values := []uint64{0, c.Value - 1, c.Value, c.Value + 1, c.Value ^ 1<<32, c.Value ^ 1<<63, ^uint64(0)}
	if c.Op == "meq" {
		values = []uint64{0, c.Value, c.Value2, c.Value2 | ^c.Value, c.Value2 ^ 1<<32, c.Value2 ^ 1<<63, ^uint64(0)}
		for bit := uint64(1); bit != 0; bit <<= 1 {
			if c.Value&bit != 0 {
				values = append(values, c.Value2^bit)
			}
		}
	}
	for _, v := range values {
		d.Args[c.Arg] = v
		combine(d, conds[1:], try)
	}
}
