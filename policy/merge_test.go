package policy

import (
	"slices"
	"testing"

	"secco/linux"
	"secco/source"
)

func TestPick(t *testing.T) {
	order := []linux.Action{linux.KillProcess, linux.KillThread, linux.Trap, linux.Errno, linux.Notify, linux.Trace, linux.Log, linux.Allow}
	for i, a := range order {
		for k, b := range order {
			if got := Union.Pick(a, b); got != order[max(i, k)] {
				t.Errorf("union of %v and %v is %v", a, b, got)
			}
			if got := Intersection.Pick(a, b); got != order[min(i, k)] {
				t.Errorf("intersection of %v and %v is %v", a, b, got)
			}
		}
	}
	if got := Intersection.Pick(linux.Errno.With(13), linux.Errno.With(1)); got != linux.Errno.With(13) {
		t.Errorf("of two errnos %v is taken, not the first", got)
	}
}

// The targets of a merged policy are those of both; where one has none, what it
// does to other architectures counts.
func TestMergeTargets(t *testing.T) {
	var b Builder
	leaf := func(a linux.Action) *Node { return b.Leaf(a, source.Span{}) }
	amd := &Policy{
		Targets: []*Target{{Arch: linux.X86_64, Rules: map[uint32]*Node{1: leaf(linux.Allow)}, Default: leaf(linux.Trap)}},
		BadArch: leaf(linux.KillThread), X32: leaf(linux.Errno.With(38)),
	}
	yes, no := true, false
	other := &Policy{
		Targets: []*Target{
			{Arch: linux.X32, Rules: map[uint32]*Node{linux.X32Bit + 1: leaf(linux.Allow)}, Default: leaf(linux.KillProcess)},
			{Arch: linux.ARM64, Rules: map[uint32]*Node{1: leaf(linux.Log)}, Default: leaf(linux.Errno.With(1))},
		},
		BadArch: leaf(linux.KillProcess), Settings: Settings{Flags: []string{"log"}, NoNewPrivs: &yes},
	}
	for _, c := range []struct {
		join Join
		arch linux.Arch
		nr   uint32
		want linux.Action
	}{
		{Union, linux.X86_64, 1, linux.Allow},
		{Intersection, linux.X86_64, 1, linux.KillProcess},
		{Union, linux.X86_64, 2, linux.Trap},
		{Union, linux.X32, linux.X32Bit + 1, linux.Allow},
		{Intersection, linux.X32, linux.X32Bit + 1, linux.Errno.With(38)},
		{Union, linux.X32, linux.X32Bit + 2, linux.Errno.With(38)},
		{Intersection, linux.X32, linux.X32Bit + 2, linux.KillProcess},
		{Union, linux.ARM64, 1, linux.Log},
		{Intersection, linux.ARM64, 1, linux.KillThread},
		{Union, linux.I386, 1, linux.KillThread},
		{Intersection, linux.I386, 1, linux.KillProcess},
	} {
		for _, pair := range [][2]*Policy{{amd, other}, {other, amd}} {
			merged, dropped := Merge(pair[0], pair[1], c.join)
			d := linux.SeccompData{Arch: c.arch.Audit(), NR: c.nr}
			if got, _ := merged.Eval(&d); got != c.want {
				t.Errorf("%v: %v %#x gets %v, want %v", c.join, c.arch, c.nr, got, c.want)
			}
			if len(merged.Targets) != 3 || merged.X32 != nil || !slices.Equal(dropped, []string{"FLAGS", "NO_NEW_PRIVS"}) {
				t.Errorf("%d targets, X32 %v, dropped %v", len(merged.Targets), merged.X32, dropped)
			}
		}
	}
	same := Settings{Flags: []string{"log"}, NoNewPrivs: &no, ListenerPath: "/a"}
	amd.Settings, other.Settings = same, same
	if merged, dropped := Merge(amd, other, Union); dropped != nil || merged.Settings.ListenerPath != "/a" || *merged.Settings.NoNewPrivs {
		t.Errorf("settings %+v, dropped %v", merged.Settings, dropped)
	}
	amd.Settings.ListenerPath = "/b"
	if merged, dropped := Merge(amd, other, Union); !slices.Equal(dropped, []string{"LISTENER"}) || merged.Settings.ListenerPath != "" {
		t.Errorf("settings %+v, dropped %v", merged.Settings, dropped)
	}
}
