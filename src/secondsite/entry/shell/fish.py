"""What fish completes, with a sentence beside each word: a file that it loads when it is needed first."""

from collections.abc import Iterator

from .words import NAME, Command, Parameter

HEAD = """# Completes what is typed after {name}, in fish. Made from its commands; it starts none.

# Whether the words before the cursor, without options, begin with these; --last: and are no more than these.
function __{name}_at
    argparse --stop-nonopt last -- $argv
    set -l words (commandline -opc)[2..]
    set -l typed
    set -l value 0
    for word in $words
        if test $value = 1
            set value 0
        else if string match -q -- '-*' $word
            contains -- $word $__{name}_valued; and set value 1
        else
            set -a typed $word
        end
    end
    set -l wanted (count $argv)
    test (count $typed) -ge $wanted; or return 1
    set -q _flag_last; and test (count $typed) -gt $wanted; and return 1
    test $wanted = 0; and return 0
    test "$typed[1..$wanted]" = "$argv"
end

set -g __{name}_valued {valued}
complete -c {name} -f
"""


def script(root: Command) -> str:
    valued = sorted(
        {
            name
            for each in root.all()
            for option in each.options
            if option.takes_value
            for name in option.names
        }
    )
    head = HEAD.format(name=NAME, valued=" ".join(valued))
    return head + "\n".join(line for each in root.all() for line in _of(each)) + "\n"


def _of(command: Command) -> Iterator[str]:
    at = " ".join(("--last", *command.words)) if command.commands else " ".join(command.words)
    begin = f"complete -c {NAME} -n '__{NAME}_at {at}'"
    for each in command.commands:
        yield f"{begin} -a {each.name} -d {_quoted(each.help)}"
    for option in command.options:
        yield f"{begin}{_names(option)}{_value(option)} -d {_quoted(option.help)}"
    for argument in command.arguments[:1]:
        if argument.takes_path or argument.choices:
            yield f"{begin}{_value(argument)}"


def _names(option: Parameter) -> str:
    return "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names)


def _value(takes: Parameter) -> str:
    if takes.takes_path:
        return " -r -F" if takes.names else " -F"
    required = " -x" if takes.names and takes.takes_value else ""
    return required + (f" -a {_quoted(' '.join(takes.choices))}" if takes.choices else "")


def _quoted(text: str) -> str:
    first = text.split("\n\n")[0].partition(". ")[0].rstrip(".")
    return "'" + first.replace("\\", "\\\\").replace("'", "\\'") + "'"
