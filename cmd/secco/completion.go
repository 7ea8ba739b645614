package main

import "github.com/urfave/cli/v2"

var completionCommand = &cli.Command{
	Name:      "completion",
	Usage:     "print the script that makes a shell complete secco's commands and flags",
	ArgsUsage: "bash|zsh|fish",
	Description: "bash: source <(secco completion bash)    zsh: source <(secco completion zsh)\n" +
		"fish: secco completion fish | source",
	Action: action(func(s *session) error {
		if err := s.want(1, 1); err != nil {
			return err
		}
		switch shell := s.Args().First(); shell {
		case "bash":
			return s.print([]byte(bashCompletion))
		case "zsh":
			return s.print([]byte(zshCompletion))
		case "fish":
			script, err := s.App.ToFishCompletion()
			if err != nil {
				return err
			}
			return s.print([]byte(script))
		default:
			return badInput("usage", "no completion for %q", shell).hint("there is bash, zsh and fish")
		}
	}),
}

// Both ask secco itself what may stand where the cursor is; files are completed
// where it has no answer.
const bashCompletion = `_secco() {
	local word=${COMP_WORDS[COMP_CWORD]} ask=("${COMP_WORDS[@]:0:COMP_CWORD}")
	[[ $word == -* ]] && ask+=("$word")
	COMPREPLY=($(compgen -W "$("${ask[@]}" --generate-bash-completion 2>/dev/null)" -- "$word"))
}
complete -o bashdefault -o default -F _secco secco
`

const zshCompletion = `_secco() {
	local -a ask known
	ask=("${(@)words[1,CURRENT-1]}")
	[[ ${words[CURRENT]} == -* ]] && ask+=("${words[CURRENT]}")
	known=("${(@f)$("${ask[@]}" --generate-bash-completion 2>/dev/null)}")
	if (( ${#known} )) && [[ -n ${known[1]} ]]; then
		compadd -- "${known[@]%%:*}"
	else
		_files
	fi
}
compdef _secco secco
`
