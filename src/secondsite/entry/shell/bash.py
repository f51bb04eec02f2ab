"""What bash completes: a file that it reads once, and that starts nothing."""

import shlex
from collections.abc import Iterable, Iterator

from .words import NAME, Command, Parameter

SCRIPT = """# Completes what is typed after {name}, in bash. Made from its commands; it starts none.

# Of a command, by its words: those that may follow, its options, and those of these that take a value.
_{name}_command() {{
    nouns= options= valued=
    case $1 in
{commands}
    *) return 1 ;;
    esac
}}

# What may stand for an option's value, or an argument, of a command: words, or FILES for names of files.
_{name}_values() {{
    case $1 in
{values}
    esac
}}

_{name}() {{
    local nouns options valued word value= path= i
    local current=${{COMP_WORDS[COMP_CWORD]}}
    _{name}_command "$path"
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        if [[ $value ]]; then
            value=
        elif [[ $word == -* ]]; then
            [[ " $valued " != *" $word "* ]] || value=$word
        elif [[ " $nouns " == *" $word "* ]]; then
            path="$path $word"
            _{name}_command "$path"
        fi
    done
    local offered
    if [[ $value ]]; then
        offered=$(_{name}_values "$path $value")
    elif [[ $current == -* ]]; then
        offered=$options
    else
        offered="$nouns $(_{name}_values "$path ARGUMENT")"
    fi
    case $offered in
    *FILES*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$current") ;;
    esac
}}

complete -o filenames -F _{name} {name}
"""
FILES = "FILES"
ARGUMENT = "ARGUMENT"


def script(root: Command) -> str:
    return SCRIPT.format(
        name=NAME,
        commands="\n".join(_of(each) for each in root.all()),
        values="\n".join(line for each in root.all() for line in _values(each)),
    )


def _of(command: Command) -> str:
    settings = {
        "nouns": [each.name for each in command.commands],
        "options": [name for each in command.options for name in each.names],
        "valued": [name for each in command.options if each.takes_value for name in each.names],
    }
    given = " ".join(f"{key}={shlex.quote(' '.join(said))}" for key, said in settings.items() if said)
    return f"    {_path(command)}) {given} ;;"


def _values(command: Command) -> Iterator[str]:
    for option in command.options:
        yield from _row(command, option.names, option)
    for argument in command.arguments[:1]:  # the only one, or all of one kind
        yield from _row(command, (ARGUMENT,), argument)


def _row(command: Command, names: Iterable[str], takes: Parameter) -> Iterator[str]:
    offered = FILES if takes.takes_path else " ".join(takes.choices)
    if takes.takes_value and offered:
        patterns = "|".join(shlex.quote(f"{_words(command)} {name}") for name in names)
        yield f"    {patterns}) echo {shlex.quote(offered)} ;;"


def _path(command: Command) -> str:
    return shlex.quote(_words(command))


def _words(command: Command) -> str:
    return "".join(f" {word}" for word in command.words)
