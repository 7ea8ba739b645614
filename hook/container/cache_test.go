package container_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook/container"
)

// crunKey is what crun hashes of a profile.
func crunKey(p *specs.LinuxSeccomp) string {
	var key strings.Builder
	fmt.Fprint(&key, p.DefaultAction)
	for _, f := range p.Flags {
		fmt.Fprint(&key, f)
	}
	for _, a := range p.Architectures {
		fmt.Fprint(&key, a)
	}
	for _, s := range p.Syscalls {
		fmt.Fprint(&key, s.Action, strings.Join(s.Names, ""))
		for _, a := range s.Args {
			fmt.Fprintf(&key, "%08x%016x%016x%s", a.Index, a.Value, a.ValueTwo, a.Op)
		}
	}
	return key.String()
}

// crun finds programs in its cache by a key that leaves out errnos: no two profiles
// that secco hands it have the same.
func TestUniqueProfiles(t *testing.T) {
	dir := t.TempDir()
	keys := map[string]bool{}
	for name, rules := range map[string]string{
		"a": "DEFAULT_POLICY = allow\nmkdirat: return EXFULL\n", "b": "DEFAULT_POLICY = allow\nmkdirat: return EROFS\n",
		"c": "DEFAULT_POLICY = log\nmkdirat: return EROFS\n",
	} {
		writeFile(t, filepath.Join(dir, name+".secco"), rules)
		for range 2 {
			text, err := container.Precreate(strings.NewReader("{}"), container.Choice{Dir: dir, Policy: name})
			if err != nil {
				t.Fatal(err)
			}
			var config struct{ Linux *specs.Linux }
			if err := json.Unmarshal(text, &config); err != nil {
				t.Fatal(err)
			}
			p := config.Linux.Seccomp
			key := crunKey(p)
			if keys[key] {
				t.Errorf("%s: a key that was there before: %q", name, key)
			}
			keys[key] = true
			// The gate takes it for what the policy says.
			writeFile(t, filepath.Join(dir, "config.json"), string(text))
			if err := container.Gate(&specs.State{Bundle: dir}, container.Choice{Dir: dir, Policy: name}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
