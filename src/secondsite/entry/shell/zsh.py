"""What zsh completes, with a sentence beside each word: a file that it loads when it is needed first."""

import shlex
from collections.abc import Iterator

from .words import NAME, Command, Parameter

SCRIPT = """#compdef {name}
# Completes what is typed after {name}, in zsh. Made from its commands; it starts none.

_{name}() {{
    local context curcontext=$curcontext state line path_of= word
    local -i at=1 given=0
    local -A opt_args
    # the words of the command itself: nouns and verbs, which are no options and no values of any
    while true; do
        case $path_of in
{commands}
        esac
        break
    done
}}

_{name} "$@"
"""
GROUP = """        {path})
            _arguments -C -S {options} '1: :->noun' '*:: :->rest' && return
            case $state in
            noun) local -a found=({nouns}); _describe command found ;;
            rest) path_of="$path_of $line[1]"; continue ;;
            esac
            ;;"""
LEAF = """        {path})
            _arguments -S {options}
            ;;"""


def script(root: Command) -> str:
    return SCRIPT.format(name=NAME, commands="\n".join(_of(each) for each in root.all()))


def _of(command: Command) -> str:
    path = shlex.quote("".join(f" {word}" for word in command.words))
    options = [shlex.quote(line) for each in command.options for line in _option(each)]
    if command.commands:
        nouns = " ".join(shlex.quote(f"{each.name}:{_first(each.help)}") for each in command.commands)
        return GROUP.format(path=path, options=" ".join(options), nouns=nouns)
    options += [shlex.quote(f"*: :{_action(each)}") for each in command.arguments[:1]]
    return LEAF.format(path=path, options=" ".join(options))


def _option(option: Parameter) -> Iterator[str]:
    value = f": :{_action(option)}" if option.takes_value else ""
    for name in option.names:
        yield f"*{name}[{_plain(_first(option.help))}]{value}"


def _action(takes: Parameter) -> str:
    if takes.takes_path:
        return "_files"
    return f"({' '.join(takes.choices)})" if takes.choices else " "


def _first(text: str) -> str:
    return text.split("\n\n")[0].partition(". ")[0].rstrip(".")


def _plain(text: str) -> str:
    """Without what _arguments reads as its own."""
    return text.replace("\\", "").replace("[", "(").replace("]", ")").replace(":", "\\:")
