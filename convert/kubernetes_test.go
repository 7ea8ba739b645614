package convert

import (
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"secco/linux"
)

func TestToSPO(t *testing.T) {
	p := load(t, defaults+"read, write: 1\nsocket: arg0 == 1 && arg1 != 7\nmount: return ENOSYS\n", linux.X86_64, linux.ARM64)
	got, err := ToSPO(p, "web-server.v2", Options{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata:
  name: web-server.v2
spec:
  architectures:
  - SCMP_ARCH_X86_64
  - SCMP_ARCH_AARCH64
  defaultAction: SCMP_ACT_ERRNO
  syscalls:
  - action: SCMP_ACT_ERRNO
    errnoRet: 38
    names:
    - mount
  - action: SCMP_ACT_ALLOW
    names:
    - read
    - write
  - action: SCMP_ACT_ALLOW
    args:
    - index: 0
      op: SCMP_CMP_EQ
      value: 1
    - index: 1
      op: SCMP_CMP_NE
      value: 7
    names:
    - socket
`
	if string(got) != want {
		t.Errorf("got\n%s", got)
	}
}

// TestToSPOValues checks that large values survive the way through YAML.
func TestToSPOValues(t *testing.T) {
	got, err := ToSPO(load(t, defaults+"read: arg0 == 9223372036854775807\n"), "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), "value: 9223372036854775807\n") {
		t.Errorf("got\n%s", got)
	}
	if err := yaml.UnmarshalStrict(got, &struct {
		APIVersion, Kind string
		Metadata, Spec   map[string]any
	}{}); err != nil {
		t.Error(err)
	}
}

func TestToSPOLosses(t *testing.T) {
	for name, tc := range map[string]struct {
		text   string
		target linux.Arch
		path   string
		want   string
	}{
		"default errno": {"DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = ENOSYS\nread: 1\n", linux.X86_64, "", "its default errno is EPERM, not 38"},
		"value":         {defaults + "read: arg0 == 9223372036854775808\n", linux.X86_64, "", "p.secco:4:1: error[loss]: a SeccompProfile can't say this policy: read: its values are below 2^63"},
		"mask":          {defaults + "read: arg0 & ~1 == 2\n", linux.X86_64, "", "its values are below 2^63"},
		"architecture":  {defaults + "read: 1\n", linux.LOONG64, "", "it has no architecture SCMP_ARCH_LOONGARCH64"},
		"listener":      {defaults + "read: return notify\n", linux.X86_64, "/run/agent.sock", "its listener path lies directly under"},
		"listener up":   {defaults + "read: return notify\n", linux.X86_64, "/var/run/security-profiles-operator/../x", "its listener path"},
		"as a profile":  {defaults + "read: argL0 < argL1\n", linux.X86_64, "", "an OCI profile can't say this policy"},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, tc.text, tc.target)
			p.Settings.ListenerPath = tc.path
			out, err := ToSPO(p, "x", Options{})
			var loss *LossError
			if !errors.As(err, &loss) || out != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s, %v\nwant %s", out, err, tc.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	p := load(t, defaults+"read: 1\n")
	for _, bad := range []string{"", "Web", "a_b", "-a", "a-", "a..b", ".a", "a/b", "a b", "ä", strings.Repeat("a", 254)} {
		if _, err := ToSPO(p, bad, Options{}); err == nil {
			t.Errorf("%q is taken for a name", bad)
		}
	}
	for _, bad := range []string{"", "/etc/x.json", "../x.json", "a/../../x", "a/..", "a\nb", "\x7f"} {
		if out, err := ToPod(bad); err == nil {
			t.Errorf("%q is taken for a path:\n%s", bad, out)
		}
	}
}

func TestToPod(t *testing.T) {
	for path, want := range map[string]string{
		"profiles/web.json":        "profiles/web.json",
		SPOPath("web-server"):      "operator/web-server.json",
		"true":                     `"true"`,
		"profiles/a..b/..c.json":   "profiles/a..b/..c.json",
		"profiles/: {x: [1]}.json": "'profiles/: {x: [1]}.json'",
	} {
		got, err := ToPod(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != "securityContext:\n  seccompProfile:\n    localhostProfile: "+want+"\n    type: Localhost\n" {
			t.Errorf("got\n%s", got)
		}
	}
}
