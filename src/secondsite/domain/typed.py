"""What people are told to type."""

import shlex


def arguments(*names: str, options: str = "") -> str:
    """The names of a command as a shell takes them, with options that are quoted already. What begins with a hyphen is a name only behind '--',
    and no option is one there."""
    quoted, options = shlex.join(names), options.strip()
    words = (options, "--", quoted) if any(each.startswith("-") for each in names) else (quoted, options)
    return " ".join(filter(None, words))
