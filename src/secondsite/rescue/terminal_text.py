"""Makes text that others wrote safe for a terminal: machines and plans are named at another site, and this
program runs as root, in an emergency."""

from __future__ import annotations

import re
import shlex

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters except tab and newline (ESC begins a terminal's sequences), and those that change the
direction of text."""


def plain(text: str) -> str:
    """The text without characters that control the terminal."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The same on one line, so that it cannot look like a line of this program."""
    return plain(text.replace("\n", " ").replace("\t", " "))


def typed(name: str) -> str:
    """A name as it is typed after a command; one that begins with a hyphen is a name behind '--' only."""
    return f"-- {shlex.quote(name)}" if name.startswith("-") else shlex.quote(name)
