"""This room as one file that Python runs (a zip file with a first line; see Python's zipapp)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

NAME = "secondsite-rescue"
_PACKAGE = "secondsite_rescue"
_MAIN = f"import os\nimport sys\nfrom {_PACKAGE}.main import main\nos.umask(0o077)\nsys.exit(main())\n"
"""What it writes is guests' data."""
_DATE = (2020, 1, 1, 0, 0, 0)
"""The same content is the same file, whenever it is made."""


def bundle() -> bytes:
    """The file's content."""
    packed, room = io.BytesIO(), Path(__file__).parent
    packed.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "__main__.py", _MAIN)
        for path in sorted(room.rglob("*.py")):
            _put(archive, f"{_PACKAGE}/{path.relative_to(room).as_posix()}", path.read_text(encoding="utf-8"))
    return packed.getvalue()


def _put(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED)
