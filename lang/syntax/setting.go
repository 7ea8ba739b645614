package syntax

// setting parses what follows the equals sign where it makes a setting together
// with the name; nil means that it is a definition. The names of settings are
// not reserved: what cannot be a setting's value makes a binding.
func (p *parser) setting(name *Name, start int) Stmt {
	for w, text := range defaultNames {
		if name.Text == text {
			a := p.action()
			return &Default{Which(w), name, a, p.since(start)}
		}
	}
	head, lastEnd := p.scanner, p.lastEnd
	var s Stmt
	switch name.Text {
	case "ARCHES":
		if p.tok == tokName {
			list := p.names("the name of an architecture")
			s = &Arches{list, p.since(start)}
		}
	case "FLAGS":
		if p.tok == tokName {
			list := p.names("the name of a flag")
			if len(list) > 1 || isFlag(list[0].Text) {
				s = &Flags{list, p.since(start)}
			}
		}
	case "NO_NEW_PRIVS":
		switch word := p.text[p.start:p.end]; word {
		case "0", "1", "true", "false":
			p.next()
			s = &NoNewPrivs{word == "1" || word == "true", p.since(start)}
		}
	case "LISTENER", "LISTENER_METADATA":
		if p.tok == tokString {
			text := unquote(p.text[p.start:p.end])
			p.next()
			return &Listener{name.Text == "LISTENER_METADATA", text, p.since(start)}
		}
	case "BASELINE":
		if p.tok == tokVersion {
			v := &Version{p.text[p.start:p.end], p.at()}
			p.next()
			return &Baseline{v, p.since(start)}
		}
	}
	if s != nil && (p.tok == tokNewline || p.tok == tokEOF || p.tok == tokRBrace) {
		return s
	}
	p.scanner, p.lastEnd = head, lastEnd
	return nil
}

// FlagNames are the flags that a policy can state.
var FlagNames = []string{"tsync", "log", "spec_allow", "wait_killable_recv"}

func isFlag(name string) bool {
	for _, f := range FlagNames {
		if name == f {
			return true
		}
	}
	return false
}
