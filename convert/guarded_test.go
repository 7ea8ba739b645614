package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"secco/compiler/decompile"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy/prove"
	"secco/policy/worktime"
	"secco/source"
)

// guardCaps and guardKernels are what random profiles ask for.
var (
	guardCaps    = []string{"CAP_SYS_ADMIN", "CAP_BPF", "CAP_KILL", "CAP_CHOWN"}
	guardKernels = []oci.Kernel{{Major: 4, Minor: 8}, {Major: 4, Minor: 18}, {Major: 5, Minor: 3}}
)

// guardHosts are all hosts that a profile with those guards can tell apart, and
// the kernels just before and after each version.
func guardHosts(machine linux.Arch) (hosts []oci.Host) {
	kernels := []oci.Kernel{{Minor: 1}, {Major: 4, Minor: 7}, {Major: 4, Minor: 9}, {Major: 4, Minor: 17}, {Major: 5, Minor: 2}, {Major: 5, Minor: 4}, {Major: 255, Minor: 255}}
	for _, k := range append(kernels, guardKernels...) {
		for mask := range 1 << len(guardCaps) {
			caps := []string{}
			for i, c := range guardCaps {
				if mask>>i&1 != 0 {
					caps = append(caps, c)
				}
			}
			hosts = append(hosts, oci.Host{Arch: machine, Caps: caps, Kernel: k})
		}
	}
	return hosts
}

// guardedProfile returns a random profile whose entries have guards.
func guardedProfile(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	guard := func() map[string]any {
		g := map[string]any{}
		order := r.Perm(len(guardCaps))
		if n := r.IntN(4); n > 0 && r.IntN(3) > 0 {
			var caps []string
			for _, i := range order[:n] {
				caps = append(caps, guardCaps[i])
			}
			g["caps"] = caps
		}
		if r.IntN(3) == 0 {
			g["minKernel"] = guardKernels[r.IntN(len(guardKernels))].String()
		}
		if r.IntN(10) == 0 {
			g["arches"] = []string{pick("amd64", "arm64", "arm")}
		}
		return g
	}
	fallback := pick("ALLOW", "ERRNO", "ERRNO", "LOG", "KILL")
	names := []string{"read", "bpf", "ptrace", "clone", "socket", "socketcall", "connect", "semop", "ipc", "sync_file_range2", "arm_sync_file_range", "sync_file_range"}
	var entries []map[string]any
	for range 1 + r.IntN(6) {
		var named []string
		for range 1 + r.IntN(2) {
			named = append(named, names[r.IntN(len(names))])
		}
		entry := map[string]any{"names": named, "action": "SCMP_ACT_" + pick("ALLOW", "ALLOW", "ERRNO", "LOG", "TRAP", "KILL")}
		if r.IntN(5) == 0 {
			entry["args"] = []map[string]any{{"index": r.IntN(2), "op": "SCMP_CMP_EQ", "value": r.IntN(3)}}
		}
		if r.IntN(4) > 0 {
			entry["includes"] = guard()
		}
		if r.IntN(3) == 0 {
			entry["excludes"] = guard()
		}
		entries = append(entries, entry)
	}
	text, _ := json.Marshal(map[string]any{
		"defaultAction": "SCMP_ACT_" + fallback,
		"archMap": []map[string]any{
			{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": [][]string{{}, {"SCMP_ARCH_X86"}, {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}}[r.IntN(3)]},
			{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": [][]string{{}, {"SCMP_ARCH_ARM"}}[r.IntN(2)]},
		},
		"syscalls": entries,
	})
	return string(text)
}

// meansOn says how a text differs from a profile on a host; "" is not at all. known
// is false where FromOCI refuses the profile there.
func meansOn(t *testing.T, text string, profile *oci.Profile, host oci.Host) (diff string, known bool) {
	t.Helper()
	want, _ := FromOCI(profile, Options{Host: host, WithoutLibseccomp: true})
	if want == nil {
		return "", false
	}
	opts := lang.Options{Capabilities: host.Caps, Kernel: host.Kernel.String()}
	for _, target := range want.Targets {
		opts.Targets = append(opts.Targets, target.Arch)
	}
	got, diags := lang.Load([]*source.File{source.NewFile("text", text)}, opts)
	if got == nil {
		return diags.Error(), true
	}
	res, err := prove.Equivalent(prove.Policy(want), prove.Policy(got), prove.Options{})
	if err != nil || res.Verdict == prove.Undecided {
		t.Fatal(err, res.Reason)
	}
	if res.Verdict == prove.Different {
		return fmt.Sprintf("%v: %v", host, res.Witness), true
	}
	return "", true
}

// TestRandomGuards turns random profiles to text and compares them on random
// hosts. Then it spoils the text: where that makes a difference on any host, the
// proof has to find it, too, and it has to find nothing else.
func TestRandomGuards(t *testing.T) {
	const rounds = 250
	r := rand.New(rand.NewPCG(21, 22))
	written, refused, unknown, spoilt, harmless := 0, 0, 0, 0, 0
	for range rounds {
		file := guardedProfile(r)
		profile := parse(t, source.NewFile("p.json", file))
		machines := [][]linux.Arch{{linux.X86_64}, {linux.ARM64}, {linux.X86_64, linux.ARM64}}[r.IntN(3)]
		opts := SeccoOptions{Arches: machines, WithoutLibseccomp: true}
		text, _, err := ToSecco(profile, opts)
		if err != nil {
			switch err.(type) {
			case source.Diagnostics: // rules that libseccomp may not get right
			case *decompile.UnsayableError: // more than six guards of one syscall
			default:
				t.Fatalf("%v\n%s", err, file)
			}
			refused++
			continue
		}
		written++
		var hosts []oci.Host
		for _, machine := range machines {
			hosts = append(hosts, guardHosts(machine)...)
		}
		r.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
		for _, host := range hosts[:10] {
			switch diff, known := meansOn(t, text, profile, host); {
			case diff != "":
				t.Fatalf("%s\n%s\n%s", diff, file, text)
			case !known:
				unknown++
			}
		}
		if written%5 > 0 {
			continue
		}
		other, ok := spoil(r, text)
		if !ok {
			continue
		}
		diff := ""
		for _, host := range hosts {
			if diff, _ = meansOn(t, other, profile, host); diff != "" {
				break
			}
		}
		err = writerOf(profile, opts).prove(other)
		if _, refuses := err.(source.Diagnostics); refuses {
			continue // on a host that the text's own guards lead to
		}
		switch {
		case (err != nil) != (diff != ""):
			t.Fatalf("the proof says %v, trying says %q\n%s\n%s", err, diff, file, other)
		case err != nil:
			spoilt++
		default:
			harmless++
		}
	}
	t.Logf("%d written, %d refused; on %d hosts the profile is refused; %d spoilt, %d harmless", written, refused, unknown, spoilt, harmless)
	if written < rounds/2 || unknown > rounds || spoilt < rounds/20 {
		t.Errorf("of %d only %d were written and %d spoilt", rounds, written, spoilt)
	}
}

// writerOf returns what ToSecco has when it comes to the proof.
func writerOf(profile *oci.Profile, opts SeccoOptions) *seccoWriter {
	w := &seccoWriter{profile: profile, opts: opts, start: worktime.Now(), seen: map[string]bool{}, arches: linux.Arches()}
	w.findGuards()
	return w
}

// spoil changes one thing about a text's guards; ok is false where it has none.
func spoil(r *rand.Rand, text string) (string, bool) {
	lines := strings.Split(text, "\n")
	var guarded []int
	for i, line := range lines {
		if strings.HasPrefix(line, "when ") || strings.HasPrefix(line, "    ") && strings.Contains(line, ": ") {
			guarded = append(guarded, i)
		}
	}
	if len(guarded) == 0 {
		return "", false
	}
	i := guarded[r.IntN(len(guarded))]
	line := lines[i]
	names, body, isRule := strings.Cut(strings.TrimSpace(line), ": ")
	switch list := strings.Split(names, ", "); {
	case isRule && len(list) > 1:
		lines[i] = strings.Join(list[1:], ", ") + ": " + body
	case isRule:
		lines[i] = names + ": return errno(77)"
	case strings.Contains(line, "!cap"):
		lines[i] = strings.Replace(line, "!cap", "cap", 1)
	case strings.Contains(line, ">=") && r.IntN(2) == 0:
		lines[i] = strings.Replace(line, ">=", "<", 1)
	case strings.Contains(line, "cap("):
		lines[i] = strings.Replace(line, "cap(", "!cap(", 1)
	default:
		lines[i] = strings.Replace(line, "kernel < ", "kernel >= ", 1)
		if lines[i] == line {
			lines = slices.Delete(lines, i, i+3)
		}
	}
	return strings.Join(lines, "\n"), true
}

// TestGuardsLost has profiles of which rules got lost once, and with each the text
// that must not be proved.
func TestGuardsLost(t *testing.T) {
	for name, c := range map[string]struct {
		profile string
		machine linux.Arch
		want    string // part of the text
		lost    string // a text that has lost it
	}{
		"the newer of two versions": {
			`{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":[]}],"syscalls":[
			{"names":["bpf"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"5.3"}},{"names":["ptrace"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"4.8"}}]}`,
			linux.X86_64, "when kernel >= 5.3 {\n    bpf: return EPERM\n}",
			"DEFAULT_POLICY = allow\nwhen kernel >= 4.8 {\n    ptrace: return EPERM\n}",
		},
		"excluded by the newer of two versions": {
			`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
			{"names":["bpf"],"action":"SCMP_ACT_ALLOW","excludes":{"minKernel":"5.3"}},{"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}}]}`,
			linux.X86_64, "when kernel >= 5.3 {\n    bpf: return EPERM\n}",
			"DEFAULT_POLICY = EPERM\nbpf: return allow\nwhen kernel >= 4.8 {\n    ptrace: return allow\n}",
		},
		"an alias": {
			`{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}],"syscalls":[
			{"names":["sync_file_range2"],"action":"SCMP_ACT_KILL","includes":{"caps":["CAP_SYS_ADMIN"]}},{"names":["read"],"action":"SCMP_ACT_LOG"}]}`,
			linux.ARM64, "when cap(CAP_SYS_ADMIN) {\n    arm_sync_file_range: return kill_thread\n}",
			"DEFAULT_POLICY = allow\nread: return log",
		},
	} {
		t.Run(name, func(t *testing.T) {
			profile := parse(t, source.NewFile("p.json", c.profile))
			opts := SeccoOptions{Arches: []linux.Arch{c.machine}, WithoutLibseccomp: true}
			text, _, err := ToSecco(profile, opts)
			if err != nil || !strings.Contains(text, c.want) {
				t.Errorf("%v\n%s", err, text)
			}
			for _, host := range guardHosts(c.machine) {
				if diff, known := meansOn(t, text, profile, host); diff != "" || !known {
					t.Error(host, diff, known)
				}
			}
			if err := writerOf(profile, opts).prove(c.lost); err == nil || !strings.Contains(err.Error(), "the profile returns") {
				t.Errorf("the text without the rule was proved: %v", err)
			}
		})
	}
}

// TestGuardsAskedFor holds that a text that asks for what the profile does not is
// no text that can be proved.
func TestGuardsAskedFor(t *testing.T) {
	profile := parse(t, source.NewFile("p.json", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"],"minKernel":"5.3"}}]}`))
	w := writerOf(profile, SeccoOptions{Arches: []linux.Arch{linux.X86_64}})
	const head = "DEFAULT_POLICY = EPERM\nwhen cap(CAP_BPF) && kernel >= 5.3 { bpf: return allow }\n"
	if err := w.prove(head); err != nil {
		t.Error(err)
	}
	for _, more := range []string{
		"when cap(CAP_KILL) { read: return allow }", "when kernel >= 5.4 { read: return allow }", "when kernel > 5.3 { read: return allow }",
		"when kernel == 5.3 { read: return allow }", "when cap(CAP_BPF) { DEFAULT_POLICY = EPERM }", "arch x86_64 { when cap(CAP_KILL) { read: return allow } }",
		"when cap(CAP_BPF) { when kernel < 5.3 { read: return allow } }", "when cap(CAP_BPF) { write: return EPERM } else { read: return allow }",
	} {
		if err := w.prove(head + more + "\n"); err == nil || !strings.Contains(err.Error(), "fault") {
			t.Errorf("%s: %v", more, err)
		}
	}
}

// TestGuardHosts holds that every combination of the guards that one number
// depends on is among the hosts.
func TestGuardHosts(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for range 50 {
		profile := parse(t, source.NewFile("p.json", guardedProfile(r)))
		p := &guardProof{writerOf(profile, SeccoOptions{}), linux.X86_64, source.NewFile("text", "DEFAULT_POLICY = allow\n")}
		hosts, err := p.hosts()
		if err != nil {
			t.Fatal(err)
		}
		all := numbers{}
		if err := p.profileDepends(all); err != nil {
			t.Fatal(err)
		}
		for a, of := range all {
			for nr, g := range of {
				for mask := range uint64(1) << len(p.caps) {
					for step := range len(p.kernels) + 1 {
						reached := func(s int) uint64 { return g.kernels & (1<<s - 1) }
						if !slices.ContainsFunc(hosts, func(h some) bool {
							return h.holds&g.caps == mask&g.caps && h.cares&g.caps == g.caps && reached(h.from) == reached(step)
						}) {
							t.Fatalf("%v %d: no host with %b of %b and step %d: %v", a, nr, mask, g.caps, step, hosts)
						}
					}
				}
			}
		}
	}
}

// manyGuards returns a profile of so many syscalls that depend on six of thirty
// capabilities each.
func manyGuards(syscalls int) string {
	caps := oci.DefaultCaps()
	caps = append(caps, strings.Fields(`CAP_BPF CAP_LEASE CAP_SYSLOG CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_PTRACE CAP_SYS_TIME
		CAP_SYS_RAWIO CAP_SYS_PACCT CAP_IPC_LOCK CAP_IPC_OWNER CAP_NET_ADMIN CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_PERFMON`)...)
	r := rand.New(rand.NewPCG(25, 26))
	var entries []string
	for _, s := range linux.X86_64.Syscalls()[:syscalls] {
		r.Shuffle(len(caps), func(i, j int) { caps[i], caps[j] = caps[j], caps[i] })
		list, _ := json.Marshal(caps[:6])
		entries = append(entries, fmt.Sprintf(`{"names":[%q],"action":"SCMP_ACT_ALLOW","includes":{"caps":%s}}`, s.Name, list))
	}
	return `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + strings.Join(entries, ",") + "]}"
}

// TestGuardsBound holds that many guards are proved for few hosts, and more of them
// refused.
func TestGuardsBound(t *testing.T) {
	profile := parse(t, source.NewFile("p.json", manyGuards(16)))
	if _, _, err := ToSecco(profile, SeccoOptions{WithoutLibseccomp: true}); err != nil {
		t.Error(err)
	}
	w := writerOf(profile, SeccoOptions{})
	p := &guardProof{w, linux.X86_64, source.NewFile("text", "DEFAULT_POLICY = allow\n")}
	hosts, err := p.hosts()
	if err != nil || len(hosts) > 16*64/4 {
		t.Error(len(hosts), err)
	}
	var undecided *UndecidedError
	if _, _, err := ToSecco(parse(t, source.NewFile("p.json", manyGuards(300))), SeccoOptions{WithoutLibseccomp: true}); !errors.As(err, &undecided) {
		t.Errorf("%v; want undecided", err)
	}
}

// TestGuardsUnderRuntimes holds that a runtime's own answers, which depend on what
// the guards leave of a profile, are not left out.
func TestGuardsUnderRuntimes(t *testing.T) {
	profile := func(fallback, guards string) *oci.Profile {
		return parse(t, source.NewFile("p.json", fmt.Sprintf(`{"defaultAction":%q,"architectures":["SCMP_ARCH_X86_64"],"syscalls":[
			{"names":["read"],"action":"SCMP_ACT_LOG"},{"names":["clone3"],"action":"SCMP_ACT_LOG"%s}]}`, fallback, guards)))
	}
	const caps = `,"includes":{"caps":["CAP_BPF"]}`
	for name, c := range map[string]struct {
		profile *oci.Profile
		opts    SeccoOptions
		says    bool
	}{
		"guards":               {profile("SCMP_ACT_ERRNO", caps), SeccoOptions{Runtime: oci.Runc}, false},
		"settled":              {profile("SCMP_ACT_ERRNO", caps), SeccoOptions{Runtime: oci.Runc, Caps: []string{"CAP_BPF"}}, true},
		"settled, number 0":    {profile("SCMP_ACT_ERRNO", caps), SeccoOptions{Runtime: oci.Runc, Caps: []string{}}, true},
		"crun adds nothing":    {profile("SCMP_ACT_ERRNO", caps), SeccoOptions{Runtime: oci.Crun}, true},
		"no stub without need": {profile("SCMP_ACT_ALLOW", caps), SeccoOptions{Runtime: oci.Runc}, true},
	} {
		text, _, err := ToSecco(c.profile, c.opts)
		var cant *decompile.UnsayableError
		if c.says && err != nil || !c.says && !errors.As(err, &cant) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}
