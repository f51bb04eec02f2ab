"""The reference pages, made from code: `python -m secondsite.entry.reference` writes them, a test compares them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import typer.main

from ..cli import exit_codes
from ..domain import errors, health, lifecycle_page
from ..wire.orders import ORDERS

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reference"


def pages() -> dict[str, Callable[[], str]]:
    """File name → what it should say."""
    return {
        "lifecycle.md": lifecycle_page.render,
        "exit-codes.md": exit_codes.render,
        "errors.md": _errors,
        "health.md": _health,
        "orders.md": _orders,
        "cli.md": _command_line,
        "rest.md": _rest,
    }


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _errors() -> str:
    rows = [(f"`{code}`", cls.__name__, cls.default_do) for code, cls in sorted(errors.by_code().items())]
    return "# Errors\n\nEvery error has a code, a message and something to do.\n\n" + _page(
        ("code", "name", "what to do, unless the error knows better"), rows
    )


def _health() -> str:
    rows = [
        (f"`{kind.code}`", kind.severity.value, kind.cause, kind.do) for kind in health.CATALOGUE.values()
    ]
    return "# Health findings\n\nHealth is a list of named facts.\n\n" + _page(
        ("code", "severity", "likely cause", "recommended action"), rows
    )


def _orders() -> str:
    rows = [
        (f"`{kind.value}`", order.what, _fields(order.payload), _fields(order.facts))
        for kind, order in ORDERS.items()
    ]
    return (
        "# Orders of the vault to an appliance\n\nEach is idempotent; its report answers a repeat too.\n\n"
        + _page(("order", "what", "payload", "facts in the report"), rows)
    )


def _fields(shape: Any) -> str:
    return ", ".join(f"`{name}`" for name in shape.model_fields) or "-"


def _page(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _table(header, rows) + "\n"


def _command_line() -> str:
    from . import main

    del main  # its commands are registered by importing it
    from ..cli.app import app

    root: Any = typer.main.get_command(app)
    parts = [
        "# Command line\n\nEvery command takes `--help`; those that show or start something take `--json`.\n"
    ]
    for noun in sorted(root.commands):
        group = root.commands[noun]
        rows = [
            (f"`secondsite {noun} {name}`", _arguments(each), _first(each))
            for name, each in group.commands.items()
        ]
        parts.append(f"## {noun}\n\n{group.help}\n\n" + _page(("command", "takes", "does"), rows))
    return "\n".join(parts)


def _arguments(command: Any) -> str:
    names = [max(each.opts, key=len) if each.opts else each.name for each in command.params]
    return ", ".join(f"`{name}`" for name in names if name != "--help") or "-"


def _first(command: Any) -> str:
    return str(command.help or "").strip().splitlines()[0]


def _rest() -> str:
    from .. import __version__, api
    from ..vault.facade import VaultFacade

    document = api.create(VaultFacade.__new__(VaultFacade), __version__).openapi()
    rows = [
        (
            f"`{method.upper()} {path}`",
            _answer(what),
            str(what.get("description") or what["summary"]).splitlines()[0],
        )
        for path, methods in sorted(document["paths"].items())
        for method, what in methods.items()
    ]
    return (
        "# REST API\n\nEvery call but those under /api/health, /api/ca and /api/enroll needs `Authorization: Bearer TOKEN`. "
        "The full description is at /api/openapi.json.\n\n"
    ) + _page(("call", "answers", "what"), rows)


def _answer(what: dict[str, Any]) -> str:
    return next((code for code in what["responses"] if code.startswith("2")), "-")


def write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, render in pages().items():
        (FOLDER / name).write_text(render())


if __name__ == "__main__":
    write()
