"""The report as a PDF, drawn by a process of its own that has a minute and a gigabyte."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from ...domain import errors
from .tables import Document

PROGRAM = Path(__file__).with_name("drawing.py")
WITHIN_SECONDS = 120.0


def pdf(of: Document, program: Path = PROGRAM, within_seconds: float = WITHIN_SECONDS) -> bytes:
    """The PDF. Raises Internal if the process fails, and DeadlineExceeded if it does not end."""
    command = [sys.executable, "-I", str(program)]
    asked = json.dumps(asdict(of)).encode()
    try:
        done = subprocess.run(command, input=asked, capture_output=True, timeout=within_seconds, check=False)
    except subprocess.TimeoutExpired as late:
        raise errors.DeadlineExceeded(
            f"The PDF was not drawn within {within_seconds:g} s.", do="Write the page instead: --html FILE."
        ) from late
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise errors.Internal(
            f"The PDF could not be drawn: {last[:300] or f'status {done.returncode}'}.",
            do="Write the page instead: --html FILE.",
        )
    return done.stdout
