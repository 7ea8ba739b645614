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
			return s.print([]byte(fishCompletion))
		default:
			return badInput("usage", "no completion for %q", shell).hint("there is bash, zsh and fish")
		}
	}),
}

// All ask secco itself what may stand where the cursor is.
const bashCompletion = `_secco() {
	local word=${COMP_WORDS[COMP_CWORD]} line
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files)
			compopt -o filenames 2>/dev/null
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
			;;
		:commands) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$word") ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("${COMP_WORDS[0]}" ` + completeWord + ` "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
}
complete -F _secco secco
`

const zshCompletion = `#compdef secco
_secco() {
	local -a known
	local line
	for line in "${(@f)$("${words[1]}" ` + completeWord + ` "${(@)words[2,CURRENT-1]}" "${words[CURRENT]}" 2>/dev/null)}"; do
		case $line in
		:files) _files ;;
		:commands) _command_names -e ;;
		?*) known+=("${line%%$'\t'*}") ;;
		esac
	done
	(( ${#known} )) && compadd -- "${known[@]}"
}
compdef _secco secco
`

const fishCompletion = `function __secco_complete
	set -l words (commandline -opc)
	set -l word (commandline -ct)
	for line in ($words[1] ` + completeWord + ` $words[2..-1] "$word" 2>/dev/null)
		switch $line
			case :files
				__fish_complete_path "$word"
			case :commands
				__fish_complete_command
			case '*'
				echo $line
		end
	end
end
complete -c secco -f -a '(__secco_complete)'
`
