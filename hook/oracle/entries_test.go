//go:build linux && (amd64 || arm64)

package oracle

import (
	"slices"
	"testing"

	"secco/linux"
)

// Data and CallFor are each other's inverse for what a process can do here.
func TestCallFor(t *testing.T) {
	for _, a := range linux.Arches() {
		d := linux.SeccompData{NR: 7, Arch: a.Audit(), Args: [6]uint64{1, 2, 3, 4, 5, 6}}
		c, ok := CallFor(d)
		if here := slices.ContainsFunc(entries, func(e Entry) bool { return arches[e].Audit() == a.Audit() }); ok != here {
			t.Errorf("%v: %v, want %v", a, ok, here)
		}
		if !ok {
			continue
		}
		got := c.Data()
		if got.IP == 0 {
			t.Errorf("%v: no instruction pointer", a)
		}
		if got.IP = 0; got != d {
			t.Errorf("%v: %+v, want %+v", a, got, d)
		}
	}
}

func TestAvailableElsewhere(t *testing.T) {
	require(t)
	for e := range Entry(len(arches)) {
		err := Available(e)
		if here := slices.Contains(entries, e); (err == nil) != here {
			t.Errorf("%v: %v", e, err)
		}
	}
}
