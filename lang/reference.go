package lang

import (
	"secco/lang/eval"
	"secco/lang/syntax"
	"secco/source"
)

// Reference returns what says a second time, and independently, what sources mean in
// which [Load] finds no errors.
func Reference(files []*source.File, opts Options) (*eval.Evaluator, error) {
	parse := func(files []*source.File) (parsed []*syntax.File) {
		for _, f := range files {
			p, _ := syntax.Parse(f) // Load has told
			parsed = append(parsed, p)
		}
		return parsed
	}
	parsed := parse(files)
	if err := syntax.Resolve(parsed, opts.Find).Err(); err != nil {
		return nil, err
	}
	stated := map[syntax.Which]string{}
	for which, text := range opts.Defaults.texts() {
		stated[syntax.Which(which)] = text
	}
	return eval.New(parsed, eval.Options{
		Targets: opts.Targets, Defaults: stated, Definitions: parse(opts.Definitions),
		Capabilities: opts.Capabilities, Kernel: opts.Kernel,
	})
}
