"""The completion scripts of the shells, and the lines that they read from `secretsync completion SHELL -- WORD...`.

The first line is the kind of a completion and its prefix. Each further line is a candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

from secretsync.core.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsync.cli.shells.completion import Completion

_BASH = r"""# Completion of secretsync for bash. Load it with: eval "$(secretsync completion bash)"
_secretsync() {
  local rest=${COMP_LINE:0:COMP_POINT} before word kind prefix candidate head index
  local -a words=()
  COMPREPLY=()
  # bash splits words at = and : too. Words without a space between them are joined again.
  for ((index = 0; index <= COMP_CWORD; index++)); do
    before=$rest
    rest=${rest#"${rest%%[![:space:]]*}"}
    word=${COMP_WORDS[index]}
    ((index == COMP_CWORD)) && word=$rest
    if ((index > 0)) && [[ $before == "$rest" ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    rest=${rest#"$word"}
  done
  head=${words[${#words[@]} - 1]}
  head=${head%"$2"}
  {
    IFS=' ' read -r kind prefix
    while IFS= read -r candidate; do
      candidate=$prefix$candidate
      COMPREPLY+=("${candidate#"$head"}")
    done
  } < <(command "${words[0]/#~\//$HOME/}" completion bash -- "${words[@]}" 2>/dev/null </dev/null)
  case $kind in
    open) compopt -o nospace 2>/dev/null ;;
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
    commands)
      COMPREPLY=()
      for ((index = 1; index < COMP_CWORD; index++)); do
        [[ ${COMP_WORDS[index]} == -- ]] && break
      done
      if declare -F _command_offset >/dev/null; then
        _command_offset $((index + 1))
      elif ((COMP_CWORD == index + 1)); then
        while IFS= read -r candidate; do
          COMPREPLY+=("$candidate")
        done < <(compgen -c -- "$2")
      else
        compopt -o default 2>/dev/null
      fi
      ;;
  esac
}
complete -F _secretsync secretsync
"""

_ZSH = r"""#compdef secretsync
# Completion of secretsync for zsh. Load it after compinit with: eval "$(secretsync completion zsh)"
_secretsync() {
  local program=${(Q)words[1]} kind prefix
  local -a lines given
  given=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
  lines=("${(@f)$(command "${program/#\~\//$HOME/}" completion zsh -- "${given[@]}" 2>/dev/null </dev/null)}")
  kind=${lines[1]%% *}
  prefix=${lines[1]#* }
  shift lines
  if [[ $kind == commands ]]; then
    words[1,prefix]=()
    ((CURRENT -= prefix))
    _normal
    return
  fi
  [[ -n $prefix ]] && compset -P "$prefix"
  case $kind in
    words) _describe -V secretsync lines ;;
    open) _describe -V secretsync lines -S '' ;;
    files) _files ;;
    folders) _files -/ ;;
  esac
}
if [[ ${funcstack[1]} == _secretsync ]]; then
  _secretsync "$@"
else
  compdef _secretsync secretsync
fi
"""

_FISH = r"""# Completion of secretsync for fish. Load it with: secretsync completion fish | source
function __secretsync_complete
    set -l given (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $given[1])
    set -l lines (command $program completion fish -- $given "$current" 2>/dev/null </dev/null)
    set -l kind (string split -m 1 ' ' -- "$lines[1]")
    set -l value (string sub -s (math (string length -- "$kind[2]") + 1) -- "$current")
    switch "$kind[1]"
        case words open
            for line in $lines[2..-1]
                printf '%s\n' "$kind[2]$line"
            end
        case files
            for path in (__fish_complete_path "$value")
                printf '%s\n' "$kind[2]$path"
            end
        case folders
            for path in (__fish_complete_directories "$value" '')
                printf '%s\n' "$kind[2]$path"
            end
        case commands
            set -l rest (string escape -- $given[(math $kind[2] + 1)..-1])
            complete -C (string join ' ' -- $rest "$current")
    end
end
complete -c secretsync -f -k -a '(__secretsync_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def format_completion(shell: str, completion: Completion) -> str:
    """Return the lines that the script of `shell` reads."""
    lines = [f"{completion.kind} {completion.prefix}"]
    for word, help_text in completion.words:
        text = printable(help_text)
        if shell == "fish":
            lines.append(f"{word}\t{text}" if text else word)
        elif shell == "zsh":
            escaped = word.replace("\\", "\\\\").replace(":", "\\:")
            lines.append(f"{escaped}:{text}" if text else escaped)
        else:
            lines.append(word)
    return "\n".join(lines) + "\n"


def unquoted(words: Sequence[str]) -> list[str]:
    """Return words without the quotes of a shell. bash gives them to a completion as they are typed."""
    return [_unquoted(word) for word in words]


def _unquoted(word: str) -> str:
    import shlex  # Imported only for bash.

    try:
        parts = shlex.split(word)
    except ValueError:  # a quote that is still open
        return word.lstrip("'\"")
    return parts[0] if len(parts) == 1 else word
