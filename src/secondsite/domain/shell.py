"""What people are told to type."""

import re
import shlex

_ANY_MACHINE = re.compile(r"\bMACHINE\b((?: [A-Z]+\b)*)((?: --[^']*)?)")
"""In a command, with the words and the options behind it."""


def arguments(*names: str, options: str = "") -> str:
    """The names of a command as a shell takes them, with options that are quoted already. What begins with
    a hyphen is a name only behind '--', and no option is one there."""
    quoted, options = shlex.join(names), options.strip()
    words = (options, "--", quoted) if any(each.startswith("-") for each in names) else (quoted, options)
    return " ".join(filter(None, words))


def about(name: str, text: str) -> str:
    """Advice for one machine, with its name where any machine's stands: so it can be typed as it is."""
    return _ANY_MACHINE.sub(lambda found: arguments(name, *found[1].split(), options=found[2]), text)
