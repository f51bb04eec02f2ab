"""What a console wrote, as people can read it. Guests write what they like."""

import re

MOST_CHARACTERS = 2000
LONGEST_LINE = 100
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])")


def readable(data: bytes) -> str:
    """The console's text without terminal control sequences, cut to a limited length."""
    return cleaned(data).strip()[-MOST_CHARACTERS:]


def cleaned(data: bytes) -> str:
    """The text without terminal control sequences."""
    text = ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if sign in "\n\t" or sign.isprintable())


def last_line(text: str) -> str:
    """The last line that is not empty, shortened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last if len(last) <= LONGEST_LINE else f"{last[: LONGEST_LINE - 1]}…"
