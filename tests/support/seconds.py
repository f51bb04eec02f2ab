"""What each module of tests took: .cache/seconds.json as of this machine's last runs, and tests/seconds.json,
a copy of it from a quiet machine that is kept with the tests. To renew that: `./dev test --all`, then `cp
.cache/seconds.json tests/`.
"""

import json
import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT, LATEST = ROOT / "tests/seconds.json", ROOT / ".cache/seconds.json"
SHORT = 3
"""Seconds below which none is kept."""


def kept(file: Path = KEPT) -> dict[str, int]:
    """Seconds of a worker that each module took."""
    try:
        found: dict[str, int] = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):  # not yet, or torn: it is only about time
        return {}
    return found


def keep(seconds: dict[str, float], file: Path = LATEST) -> None:
    """Beside those of modules that did not run; what is gone is left out."""
    if not file.parent.is_dir():
        return
    every = {**kept(), **kept(file), **{name: round(took) for name, took in seconds.items()}}
    worth = {name: took for name, took in every.items() if took >= SHORT and (ROOT / name).is_file()}
    lines = json.dumps(worth, indent=0, sort_keys=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    beside.write_text(f"{lines}\n")
    beside.replace(file)
