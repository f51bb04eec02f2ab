"""What the maker of a fixture does with its hands: files of a simulated site, seams, and waiting."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WITHIN_SECONDS = 400.0


def fabric_id(fabric: Path, name: str) -> str:
    """The machine of this name at a simulated site."""
    return next(
        path.stem
        for path in (fabric / "machines").glob("*.json")
        if json.loads(path.read_text())["definition"]["name"] == name
    )


def wait_for(what: Callable[[], Any], about: str) -> Any:
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{about} did not come within {WITHIN_SECONDS:.0f} s")


def order_death(seam_file: Path, reaches: int) -> None:
    """The process whose seam file this is dies at that many reaches from now."""
    fresh = seam_file.with_suffix(".new")
    fresh.write_text(str(reaches))
    fresh.rename(seam_file)


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}, indent=2) + "\n")
