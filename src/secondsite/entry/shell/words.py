"""The commands of the whole command line as a tree of plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.main

NAME = "secondsite"


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option, or an argument, which has no `names`. `shown`: how it is written, with what it takes.
    `choices`: the words that it takes, if only some; `takes_path`: names of files and folders."""

    names: tuple[str, ...]
    shown: str
    help: str
    takes_value: bool
    choices: tuple[str, ...]
    takes_path: bool


@dataclass(frozen=True, slots=True)
class Command:
    """`words`: what is typed after the program's name."""

    words: tuple[str, ...]
    help: str
    parameters: tuple[Parameter, ...]
    commands: tuple["Command", ...]

    @property
    def options(self) -> tuple[Parameter, ...]:
        return tuple(each for each in self.parameters if each.names)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        return tuple(each for each in self.parameters if not each.names)

    @property
    def name(self) -> str:
        return self.words[-1] if self.words else NAME

    def all(self) -> Iterator["Command"]:
        """This one and all below it."""
        yield self
        for each in self.commands:
            yield from each.all()


def tree() -> Command:
    """Of the program: its nouns, and their verbs. What is hidden, such as former words, is left out."""
    from .. import commands

    del commands  # its commands are registered by importing it
    from ...cli.app import app

    root: Any = typer.main.get_command(app)
    return _command(root, root.context_class(root, info_name=NAME), ())


def _command(command: Any, context: Any, words: tuple[str, ...]) -> Command:
    below = (
        _command(each, command.context_class(each, info_name=name, parent=context), (*words, name))
        for name, each in sorted(getattr(command, "commands", {}).items())
        if not each.hidden
    )
    parameters = (_parameter(each, context) for each in command.get_params(context))
    return Command(words, _plain(command.help), tuple(filter(None, parameters)), tuple(below))


def _parameter(parameter: Any, context: Any) -> Parameter | None:
    record = parameter.get_help_record(context)
    is_option = parameter.param_type_name == "option"
    if is_option and record is None:  # hidden
        return None
    shown, told = record or (parameter.name.upper(), "")
    names = (*parameter.opts, *parameter.secondary_opts) if is_option else ()
    takes_value = not (is_option and (parameter.is_flag or parameter.count))
    return Parameter(
        names,
        shown,
        _plain(told),
        takes_value,
        _choices(parameter, context),
        takes_value and _is_path(parameter),
    )


def _choices(parameter: Any, context: Any) -> tuple[str, ...]:
    offered = parameter.shell_complete(context, "")
    return tuple(each.value for each in offered if each.type == "plain" and each.value)


def _is_path(parameter: Any) -> bool:
    kind = parameter.bare_type
    return isinstance(kind, type) and issubclass(kind, Path)


def _plain(text: str | None) -> str:
    """In paragraphs, each one line."""
    paragraphs = (text or "").replace("\b", "").strip().split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)
