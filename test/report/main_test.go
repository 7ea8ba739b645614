package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const (
		pass  = `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"pass","Package":"p","Elapsed":1.5}`
		skip  = `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:5: no such tool\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"TestB"}`
		fail  = `{"Action":"output","Package":"p","Test":"TestC","Output":"c_test.go:7: wrong\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestC"}`
		crash = `{"Action":"output","Package":"q","Test":"TestD","Output":"panic: oh\n"}` + "\n" + `{"Action":"fail","Package":"q"}`
		build = `{"ImportPath":"r","Action":"build-output","Output":"x.go:1: undefined\n"}` + "\n" + `{"Action":"fail","Package":"r","FailedBuild":"r"}`
	)
	for _, c := range []struct {
		name, in string
		ci       bool
		code     int
		says     []string
	}{
		{"pass", pass, true, 0, []string{"ok    p 1.5s", "1 passed, 0 failed, 0 skipped"}},
		{"skip", pass + "\n" + skip, false, 0, []string{"skip  p TestB: b_test.go:5: no such tool", "1 passed, 0 failed, 1 skipped"}},
		{"skip in CI", pass + "\n" + skip, true, 1, []string{"nothing may be skipped"}},
		{"fail", pass + "\n" + fail, false, 1, []string{"c_test.go:7: wrong", "1 passed, 1 failed"}},
		{"crash", pass + "\n" + crash, false, 1, []string{"panic: oh", "FAIL  q"}},
		{"build", pass + "\n" + build, false, 1, []string{"x.go:1: undefined", "FAIL  r"}},
		{"nothing", "", false, 1, []string{"no test ran"}},
		{"not JSON", "go: no such thing\n", false, 1, []string{"go: no such thing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			r := report{out: &out, output: map[[2]string][]string{}}
			if err := r.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			if code := r.finish(c.ci); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in\n%s", want, out.String())
				}
			}
		})
	}
}
