//go:build linux && (amd64 || arm64)

package oracle

import (
	"math/rand/v2"
	"os"
	"testing"

	"secco/bpf"
	"secco/emulator"
	"secco/linux"
	"secco/test/random"
)

// TestEmulatorAgainstKernel runs random programs on both.
func TestEmulatorAgainstKernel(t *testing.T) {
	require(t, entries...)
	programs, perProgram := 500, 40
	if os.Getenv("SECCO_LONG") != "" {
		programs *= 20
	} else if testing.Short() {
		programs /= 2
	}
	r := rand.New(rand.NewPCG(3, 4))
	pairs, byEntry, inX32, killed := 0, map[Entry]int{}, 0, 0
	values := map[linux.Action]bool{}
	for range programs {
		p := random.Program(r, random.Options{Junk: true})
		m, err := emulator.New(p)
		if err != nil {
			t.Fatal(err)
		}
		calls := make([]Call, perProgram)
		for i := range calls {
			d := random.Data(r, p)
			calls[i] = Call{entries[r.IntN(len(entries))], d.NR, d.Args}
			if r.IntN(5) == 0 {
				calls[i].NR |= linux.X32Bit
			}
			if !calls[i].Filtered() {
				calls[i].NR = 0
			}
			byEntry[calls[i].Entry]++
			if linux.IsX32(calls[i].NR) {
				inX32++
			}
		}
		outcomes, err := Observe(p, calls)
		if err != nil {
			t.Fatalf("%v\n%#x", err, p)
		}
		for i, o := range outcomes {
			d := calls[i].Data()
			if got := m.Run(&d); got != o.Value {
				t.Fatalf("emulator %#x, kernel %#x (instruction %d)\n%#x\n%#x", got, o.Value, o.Return, p, d)
			}
			at := -1
			m.Trace(&d, func(s emulator.Step) {
				if op := s.Instruction.Op; op == bpf.RetK || op == bpf.RetA {
					at = s.PC
				}
			})
			if at != o.Return {
				t.Fatalf("emulator ends at instruction %d, kernel at %d\n%#x\n%#x", at, o.Return, p, d)
			}
			if o.Return < 0 {
				killed++
			}
			values[o.Value] = true
			pairs++
		}
	}
	t.Logf("%d (program, call) pairs: %v, %d with the bit of x32; %d values, %d divisions by 0",
		pairs, byEntry, inX32, len(values), killed)
	enough := len(byEntry) == len(entries)
	for _, n := range byEntry {
		enough = enough && n >= pairs/5
	}
	if !enough || pairs < 10000 || inX32 < 1000 || killed == 0 || len(values) < min(500, programs) {
		t.Error("that is not enough")
	}
}
