package oci

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"secco/source"
	"secco/source/yamldoc"
)

// SPOOptions say what of a file is read by [ParseSPO].
type SPOOptions struct {
	// Name chooses one of the profiles of a file that has several.
	Name string
	// Find returns the file of a profile that another builds on and that is not in
	// its own; nil finds none.
	Find func(from *source.File, name string) (*source.File, error)
}

const (
	spoGroup = "security-profiles-operator.x-k8s.io/"
	spoKind  = "SeccompProfile"
	spoOld   = "v1alpha1"
	// maxHeads is how many findings there may be about what the objects are.
	maxHeads = 100
	// maxBases is how many profiles may build on each other.
	maxBases = 10
)

// ParseSPO reads a SeccompProfile of the security-profiles-operator (v1, v1beta1 and
// the v1alpha1 of old), as YAML or JSON. The profile is the one that the operator installs on a node,
// nil where the findings hold errors.
//
// A profile whose baseProfileName is set has the syscalls of its base, too. Those
// that both have must have the same rule: what the operator makes of others is not
// documented.
func ParseSPO(f *source.File, opts SPOOptions) (*Profile, source.Diagnostics) {
	r := &spoReader{opts: opts, files: map[*source.File][]object{}}
	var profile *Profile
	if list := r.objects(f); !r.diags.HasErrors() {
		if o := r.choose(f, list); o != nil {
			profile = r.profile(o, nil)
		}
	}
	r.diags.Sort()
	if r.diags.HasErrors() {
		return nil, r.diags
	}
	return profile, r.diags
}

// object is one of a file's profiles.
type object struct {
	file *source.File
	top  value
	name string
}

type spoReader struct {
	parser
	opts  SPOOptions
	files map[*source.File][]object
}

// objects returns the profiles of a file. Objects of other kinds beside them are
// skipped, as people keep what belongs together in one file.
func (r *spoReader) objects(f *source.File) (list []object) {
	if have, ok := r.files[f]; ok {
		return have
	}
	in := yamldoc.New(f)
	docs := in.Documents()
	var others []value
	for _, doc := range docs {
		v, ok := yamlValue(in, doc)
		if !ok {
			break
		}
		for _, v := range unlisted(v) {
			kind, ok := v.member("kind")
			if ok && kind.kind == kindString && kind.text != spoKind {
				others = append(others, *kind)
				continue
			}
			list = append(list, object{file: f, top: v})
		}
	}
	r.diags = append(r.diags, in.Diags...)
	if len(list) == 0 && len(others) > 0 && !r.diags.HasErrors() {
		r.diags.Errorf(others[0].span, "wrong-kind", "this is a %s and no %s", others[0].text, spoKind)
	}
	for i := range list {
		if len(r.diags) >= maxHeads {
			break
		}
		list[i].name = r.head(&list[i].top)
	}
	r.files[f] = list
	return list
}

// unlisted returns the objects of a List, as kubectl writes it; else the object
// itself.
func unlisted(v value) []value {
	kind, ok := v.member("kind")
	items, hasItems := v.member("items")
	if ok && hasItems && kind.text == "List" && items.kind == kindArray && len(items.items) > 0 {
		return items.items
	}
	return []value{v}
}

// head checks that an object is a profile, and returns its name.
func (r *spoReader) head(top *value) (name string) {
	skip := func(*value) {}
	text := func(want func(string) bool, message string) field {
		return func(v *value) {
			if s, ok := r.str(v); ok && !want(s) {
				r.diags.Errorf(v.span, "wrong-kind", message, s)
			}
		}
	}
	r.object(top, map[string]field{
		"apiVersion": text(func(s string) bool { return s == spoGroup+"v1" || s == spoGroup+"v1beta1" || s == spoGroup+spoOld },
			"apiVersion is "+spoGroup+"v1, v1beta1 or v1alpha1, not %q"),
		"kind":   text(func(s string) bool { return s == spoKind }, "kind is "+spoKind+", not %q"),
		"spec":   skip,
		"status": skip,
		"metadata": func(v *value) {
			if v.kind != kindObject {
				r.wrongType(v, "an object")
			} else if n, ok := v.member("name"); ok {
				name, _ = r.str(n)
			}
		},
	}, "apiVersion", "kind", "spec")
	return name
}

// choose returns the object that is asked for, nil after telling why not.
func (r *spoReader) choose(f *source.File, list []object) *object {
	var names []string
	for i := range list {
		if r.opts.Name != "" && list[i].name == r.opts.Name {
			return &list[i]
		}
		names = append(names, strconv.Quote(list[i].name))
	}
	switch {
	case r.opts.Name != "":
		r.diags.Errorf(f.Span(0, 0), "unknown-filter", "there is no filter %q: there is %s", r.opts.Name, strings.Join(names, ", "))
	case len(list) == 1:
		return &list[0]
	default:
		r.diags.Errorf(list[1].top.span, "several-filters", "there are several filters: say which of %s is meant", strings.Join(names, ", "))
	}
	return nil
}

// profile returns what an object says. The objects that build on it are those of
// path.
func (r *spoReader) profile(o *object, path []*value) *Profile {
	spec, ok := o.top.member("spec")
	if !ok {
		return nil
	}
	out := &Profile{Span: spec.span, DefaultSpan: spec.span}
	var base *value
	skip := func(*value) {}
	fields := map[string]field{
		"defaultAction": func(v *value) {
			out.DefaultSpan = v.span
			out.DefaultAction = r.action(v)
		},
		"architectures": func(v *value) {
			r.items(v, func(v *value) { out.Architectures = append(out.Architectures, r.arch(v)) })
		},
		"flags":            func(v *value) { out.Flags = r.flags(v) },
		"listenerPath":     func(v *value) { out.ListenerPath, _ = r.str(v) },
		"listenerMetadata": func(v *value) { out.ListenerMetadata, _ = r.str(v) },
		"syscalls": func(v *value) {
			r.items(v, func(v *value) { out.Syscalls = append(out.Syscalls, r.entry(v)) })
		},
		"baseProfileName": func(v *value) {
			if s, ok := r.str(v); ok && s != "" {
				base = v
			}
		},
		"state":    skip, // whether it is installed at all
		"disabled": skip, // v1beta1's name for that
	}
	if version, ok := o.top.member("apiVersion"); ok && version.text == spoGroup+spoOld {
		fields["targetWorkload"] = skip // a part of the path that it is installed at
	}
	r.object(spec, fields, "defaultAction")
	r.checkAction(out.DefaultSpan, out.DefaultAction, nil)
	if base != nil && !r.diags.HasErrors() {
		r.base(o, out, base, append(path, base))
	}
	return out
}

// entry reads one of spec.syscalls: what the schema has, in which a value that is
// left out is 0.
func (r *spoReader) entry(v *value) Syscall {
	out := Syscall{Span: v.span}
	action := v.span
	r.object(v, map[string]field{
		"names":    func(v *value) { r.items(v, func(v *value) { out.Names = append(out.Names, r.name(v)) }) },
		"action":   func(v *value) { action = v.span; out.Action = r.action(v) },
		"errnoRet": func(v *value) { out.ErrnoRet = r.errno(v) },
		"args":     func(v *value) { r.items(v, func(v *value) { out.Args = append(out.Args, r.arg(v, "index", "op")) }) },
	}, "action", "names")
	if names, ok := v.member("names"); ok && names.kind == kindArray && len(names.items) == 0 {
		r.diags.Errorf(names.span, "missing-field", "an entry names at least one syscall")
	}
	r.checkAction(action, out.Action, out.ErrnoRet)
	return out
}

// base adds the syscalls of the profile that another builds on.
func (r *spoReader) base(o *object, out *Profile, name *value, path []*value) {
	if len(path) > maxBases {
		r.diags.Errorf(name.span, "base-profile", "more than %d profiles build on each other", maxBases)
		return
	}
	from := r.find(o, name)
	if from == nil {
		return
	}
	if from == o || slices.ContainsFunc(path[:len(path)-1], func(v *value) bool { return v.text == name.text }) {
		r.diags.Errorf(name.span, "base-profile", "the profile %q builds on itself", name.text)
		return
	}
	below := r.profile(from, path)
	if below == nil || r.diags.HasErrors() {
		return
	}
	rules, theirs := ruleTexts(out.Syscalls), ruleTexts(below.Syscalls)
	for _, s := range below.Syscalls {
		for _, n := range s.Names {
			if own, ok := rules[n.Name]; ok && !maps.Equal(own, theirs[n.Name]) {
				d := r.diags.Errorf(name.span, "base-profile", "the profile and its base %q have different rules for %s: what the operator makes of that is not documented", name.text, n.Name)
				d.Related = append(d.Related, source.Related{Span: n.Span, Message: "the base's rule is here"})
				return
			}
		}
	}
	out.Syscalls = append(slices.Clone(below.Syscalls), out.Syscalls...)
}

// ruleTexts returns the rules for each syscall that is named.
func ruleTexts(entries []Syscall) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, s := range entries {
		errno := "-"
		if s.ErrnoRet != nil {
			errno = strconv.FormatUint(uint64(*s.ErrnoRet), 10)
		}
		text := fmt.Sprint(s.Action, errno, s.Args)
		for _, n := range s.Names {
			if all[n.Name] == nil {
				all[n.Name] = map[string]bool{}
			}
			all[n.Name][text] = true
		}
	}
	return all
}

// find returns the object of the profile that another builds on, nil after telling
// why not.
func (r *spoReader) find(o *object, name *value) *object {
	for i, other := range r.files[o.file] {
		if other.name == name.text {
			return &r.files[o.file][i]
		}
	}
	fail := func(why string) {
		d := r.diags.Errorf(name.span, "base-profile", "the base profile %q %s", name.text, why)
		d.Hint = "put it into the same file, or beside it as " + name.text + ".yaml"
	}
	if strings.Contains(name.text, "/") {
		fail("is not on this machine")
		r.diags[len(r.diags)-1].Hint = "fetch it, and name it here as it is named there"
		return nil
	}
	if r.opts.Find == nil {
		fail("is not in this file")
		return nil
	}
	f, err := r.opts.Find(o.file, name.text+".yaml")
	if err != nil {
		fail("is not in this file, and not beside it: " + err.Error())
		return nil
	}
	for i, other := range r.objects(f) {
		if other.name == name.text {
			return &r.files[f][i]
		}
	}
	if !r.diags.HasErrors() {
		fail(fmt.Sprintf("is not in %s", f.Name()))
	}
	return nil
}

// yamlValue returns a YAML node as the value that it would be in JSON. It fails,
// after telling why, where that has no such value, or there is too much.
func yamlValue(in *yamldoc.Reader, n *yaml.Node) (value, bool) {
	return yamlValueAt(in, n, 0)
}

func yamlValueAt(in *yamldoc.Reader, n *yaml.Node, depth int) (value, bool) {
	at := in.Span(n)
	n = in.Value(n)
	if n == nil {
		return value{}, false
	}
	if depth > maxDepth {
		in.Diags.Errorf(at, "too-deep", "values are nested more than %d deep", maxDepth)
		return value{}, false
	}
	v := value{span: at}
	switch n.Kind {
	case yaml.SequenceNode:
		v.kind = kindArray
		for _, item := range n.Content {
			w, ok := yamlValueAt(in, item, depth+1)
			if !ok {
				return v, false
			}
			v.items = append(v.items, w)
		}
		return v, true
	case yaml.MappingNode:
		v.kind = kindObject
		seen := map[string]source.Span{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := in.Value(n.Content[i])
			if key == nil {
				return v, false
			}
			at := in.Span(n.Content[i])
			if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
				in.Diags.Errorf(at, "wrong-type", "a field's name is text, this is %s", yamldoc.KindOf(key))
				return v, false
			}
			if first, ok := seen[key.Value]; ok {
				d := in.Diags.Errorf(at, "duplicate-field", "a second field %q", key.Value)
				d.Related = append(d.Related, source.Related{Span: first, Message: "the first is here"})
				return v, false
			}
			seen[key.Value] = at
			w, ok := yamlValueAt(in, n.Content[i+1], depth+1)
			if !ok {
				return v, false
			}
			v.members = append(v.members, member{key.Value, at, w})
		}
		return v, true
	}
	return yamlScalar(in, n, v)
}

// yamlScalar returns a value that has no parts. Numbers are decimal then, whatever
// they were written in.
func yamlScalar(in *yamldoc.Reader, n *yaml.Node, v value) (value, bool) {
	v.text = n.Value
	switch n.ShortTag() {
	case "!!null":
		v.kind = kindNull
	case "!!bool":
		v.kind = kindBool
		if err := n.Decode(&v.truth); err != nil {
			in.Diags.Errorf(v.span, "wrong-type", "%s is neither true nor false", strconv.Quote(n.Value))
			return v, false
		}
	case "!!int":
		v.kind = kindNumber
		var u uint64
		if n.Decode(&u) == nil {
			v.text = strconv.FormatUint(u, 10)
		}
		if u>>63 != 0 { // Kubernetes keeps them as int64
			in.Diags.Errorf(v.span, "out-of-range", "a SeccompProfile's numbers are below 2^63, %s is not", n.Value)
			return v, false
		}
	case "!!float":
		v.kind = kindNumber
	case "!!str", "!!timestamp":
		v.kind = kindString
		if strings.IndexByte(n.Value, 0) >= 0 {
			in.Diags.Errorf(v.span, "syntax", "a text holds a NUL")
			return v, false
		}
	default:
		in.Diags.Errorf(v.span, "wrong-type", "a value of the type %s has no place here", n.ShortTag())
		return v, false
	}
	return v, true
}
