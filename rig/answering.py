"""The answering end of a process that is asked by lines of JSON: {"do": NAME, ...} calls the method of that
name.

An answer is one line too: {"ok": what it gave}, or {"error": code or kind, "message": text}.
"""

import json
import os
import signal
import sys
from typing import NoReturn, TextIO


def answer(commands: object, line: str | bytes) -> str:
    """The answer of the method of `commands` that the line names, with the line's other values as
    arguments."""
    asked = json.loads(line)
    try:
        return json.dumps({"ok": getattr(commands, asked.pop("do"))(**asked)})
    except Exception as error:
        kind = getattr(error, "code", type(error).__name__)
        return json.dumps({"error": kind, "message": str(error)})


def take_answers() -> TextIO:
    """Standard output, for answers alone: whatever else is printed from now on goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def answer_all(commands: object, answers: TextIO) -> None:
    """Say "ready", then answer each line of standard input until that ends, or at SIGTERM by SystemExit."""
    signal.signal(signal.SIGTERM, _end)
    print(json.dumps({"ok": "ready"}), file=answers, flush=True)
    for line in sys.stdin:
        print(answer(commands, line), file=answers, flush=True)


def _end(*_signal: object) -> NoReturn:
    sys.exit(0)
