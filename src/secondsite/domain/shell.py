"""Text of commands that people are told to type."""

import re
import shlex

_ANY_MACHINE = re.compile(r"\bMACHINE\b((?: [A-Z]+\b)*)((?: --[^']*)?)")
"""MACHINE in a command, with the words and the options behind it."""


def arguments(*names: str, options: str = "") -> str:
    """The arguments of a command, quoted for a shell, with options that are quoted already. A name that
    begins with a hyphen needs '--' before it, and options have to stand before that."""
    quoted, options = shlex.join(names), options.strip()
    words = (options, "--", quoted) if any(each.startswith("-") for each in names) else (quoted, options)
    return " ".join(filter(None, words))


def about(name: str, text: str) -> str:
    """The advice with a machine's name in place of MACHINE, so that its commands can be typed as they are."""
    return _ANY_MACHINE.sub(lambda found: arguments(name, *found[1].split(), options=found[2]), text)
