"""Packs this room into one file that Python runs (a zip file with a first line; see Python's zipapp)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

NAME = "secondsite-rescue"
_PACKAGE = "secondsite_rescue"
_MAIN = f"""import os
import sys

from {_PACKAGE} import surroundings

os.umask(0o077)
surroundings.settle()
with surroundings.ended_by_interrupt():
    from {_PACKAGE}.main import main
code = main()
surroundings.flush()
sys.exit(code)
"""
"""The program's start. Files that it writes contain guests' data, so only its user may read them."""
_SURROUNDINGS = Path(__file__).parents[1] / "ground/processes/surroundings.py"
"""The module with that name in `ground`, which needs only Python."""
_DATE = (2020, 1, 1, 0, 0, 0)
"""A fixed date, so that the same content gives the same file whenever it is made."""


def bundle() -> bytes:
    """The file's content."""
    packed, room = io.BytesIO(), Path(__file__).parent
    packed.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "__main__.py", _MAIN)
        _put(archive, f"{_PACKAGE}/surroundings.py", _SURROUNDINGS.read_text(encoding="utf-8"))
        for path in sorted(room.rglob("*.py")):
            _put(archive, f"{_PACKAGE}/{path.relative_to(room).as_posix()}", path.read_text(encoding="utf-8"))
    return packed.getvalue()


def _put(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED)
