"""`python -m bench [NAME ...] [--json FILE] [--list]`.

A figure that misses its goal is reported, not failed: the exit code is 1 only when something could not be
measured.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import catalogue, report
from bench.figure import Figure

console = Console(highlight=False)


def main() -> int:
    """Measure what was asked for; all of it by default."""
    # `timeout` and people end a run with SIGTERM: what it started has to go all the same
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = _arguments()
    known = catalogue.names()
    unknown = [name for name in chosen.names if not catalogue.is_known(name)]
    if unknown:
        print(
            f"error: there is no figure {', '.join(unknown)}; known are: {', '.join(known)}", file=sys.stderr
        )
        return 2
    if chosen.list:
        _list(known)
        return 0
    figures, failed = _measure_all(chosen.names or known, chosen.json)
    for part in report.of(figures):
        console.print(part)
    for name in failed:
        console.print(f"[red]not measured[/]: {name}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to measure; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as a list")
    parser.add_argument("--list", action="store_true", help="say which figures there are")
    return parser.parse_args()


def _list(names: Sequence[str]) -> None:
    for name in names:
        console.print(f"[bold]{name}[/]  {catalogue.what(name)}", soft_wrap=True)


def _measure_all(names: Sequence[str], file: Path | None) -> tuple[list[Figure], list[str]]:
    """The figures, and the names of those that could not be measured; the file is written after each."""
    figures: list[Figure] = []
    failed: list[str] = []
    for name in names:
        began = time.monotonic()
        try:
            with console.status(f"{name} ..."):
                figures.append(catalogue.measure(name))
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        _say(figures[-1], time.monotonic() - began)
        if file is not None:
            _write(file, [figure.as_json() for figure in figures])
    return figures, failed


def _say(figure: Figure, seconds: float) -> None:
    mark = "[green]✔[/]" if figure.reached else "[yellow]✘[/]"
    shown = (
        f"{mark} [bold]{figure.name}[/] {figure.value:.3g} {figure.unit} (goal {report.goal(figure)}), "
        f"{seconds:.0f} s"
    )
    console.print(shown, soft_wrap=True)


def _write(file: Path, records: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps(records, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
