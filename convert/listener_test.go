package convert_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"secco/convert"
	"secco/lang"
	"secco/oci"
	"secco/source"
)

// Who answers notifications is no part of what a filter means, and no proof would
// miss it: it has to come back to the letter.
func TestListenerSurvives(t *testing.T) {
	for _, metadata := range []string{`{"a":1,"b":"c\\d"}`, `\`, `"`, "a\tb\r\nc", `\n`, "é ✓", `a\\"b`} {
		path := "/run/" + metadata
		quoted := func(s string) string {
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		text := fmt.Sprintf(`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "listenerPath": %s, "listenerMetadata": %s,
			"syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}`, quoted(path), quoted(metadata))
		profile, findings := oci.Parse(source.NewFile("p.json", text))
		if profile == nil {
			t.Fatal(findings)
		}
		written, _, err := convert.ToSecco(profile, convert.SeccoOptions{})
		if err != nil {
			t.Fatalf("%q: %v", metadata, err)
		}
		p, findings := lang.Load([]*source.File{source.NewFile("p.secco", written)}, lang.Options{})
		if p == nil {
			t.Fatalf("%q: %v in\n%s", metadata, findings, written)
		}
		if p.Settings.ListenerPath != path || p.Settings.ListenerMetadata != metadata {
			t.Errorf("%q became %q, %q", metadata, p.Settings.ListenerPath, p.Settings.ListenerMetadata)
		}
	}
}
