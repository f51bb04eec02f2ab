"""Manual pages: one of the program, and one for each of its nouns, with all its verbs."""

from collections.abc import Iterator, Mapping

from ... import __version__
from .words import NAME, Command, Parameter

ALSO = (
    "Guides, and the reference of commands, REST calls, errors and findings: the vault shows them at "
    "https://VAULT:8443/manual/; they lie in the sources, in docs, too."
)

PLAIN = (".nh", ".ad l")
"""No word is divided, and no line stretched: what is typed stands as it is typed."""


def pages(root: Command) -> Mapping[str, str]:
    """File name → what stands in it."""
    return {f"{_name(each)}.1": _page(each, root) for each in (root, *root.commands)}


def _name(command: Command) -> str:
    return "-".join((NAME, *command.words))


def _page(command: Command, root: Command) -> str:
    first, _, rest = command.help.partition("\n\n")
    head, _, more = first.partition(". ")
    lines = [
        f'.TH {_name(command).upper().replace("-", chr(92) + "-")} 1 "" "{NAME} {__version__}"',
        *PLAIN,
        ".SH NAME",
        f"{_text(_name(command))} \\- {_text(head.rstrip('.'))}",
        ".SH SYNOPSIS",
        *_synopsis(command),
        *(_section("DESCRIPTION", "\n\n".join(filter(None, (more, rest))))),
        *(_options("OPTIONS", command.parameters)),
        *(_nouns(command) if command is root else _verbs(command)),
        ".SH SEE ALSO",
        _also(command, root),
        f".PP\n{_text(ALSO)}",
    ]
    return "\n".join(lines) + "\n"


def _synopsis(command: Command) -> list[str]:
    rest = ["COMMAND ..."] if command.commands else [each.shown for each in command.arguments]
    words = " ".join(("[OPTIONS]", *rest))
    return [f".B {_text(' '.join((NAME, *command.words)))}", _text(words)]


def _section(name: str, text: str) -> list[str]:
    return [f".SH {name}", *_paragraphs(text)] if text else []


def _paragraphs(text: str) -> Iterator[str]:
    for each in filter(None, text.split("\n\n")):
        yield from (".PP", _text(each))


def _options(name: str, parameters: tuple[Parameter, ...]) -> list[str]:
    lines = [line for each in parameters for line in _parameter(each)]
    return [f".SH {name}", *lines] if lines else []


def _parameter(each: Parameter) -> Iterator[str]:
    yield ".TP"
    yield f".B {_text(each.shown)}"
    yield _text(each.help.replace("\n\n", " ")) or "\\&"


def _nouns(root: Command) -> Iterator[str]:
    yield ".SH COMMANDS"
    for each in root.commands:
        yield ".TP"
        yield f".B {_text(each.name)}"
        yield _text(each.help.split("\n\n")[0])


def _verbs(noun: Command) -> Iterator[str]:
    found = [each for each in noun.all() if each is not noun and not each.commands]
    if found:
        yield ".SH COMMANDS"
    for verb in found:
        yield f".SS {_text(' '.join((NAME, *verb.words)))}"
        yield " ".join(_text(each.shown) for each in verb.arguments)
        yield from _paragraphs(verb.help)
        for each in verb.parameters:
            yield from _parameter(each)


def _also(command: Command, root: Command) -> str:
    others = [root] if command is not root else list(root.commands)
    return "\n".join(f".BR {_text(_name(each))} (1)" for each in others)


def _text(text: str) -> str:
    """As roff reads it: no word of ours is a request, or breaks at a hyphen that is typed; it may between
    choices."""
    plain = (
        text.replace("\\", "\\e")
        .replace("-", "\\-")
        .replace("'", "\\(aq")
        .replace("`", "\\(ga")
        .replace("|", "|\\:")
    )
    return f"\\&{plain}" if plain.startswith((".", "\\(aq")) else plain
