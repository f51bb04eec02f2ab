"""Renders the reference pages from code: `python -m secondsite.entry.reference` writes them, a test compares
them."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from ..cli import exit_codes
from ..client import documents
from ..datapath import errors as datapath_errors
from ..domain import errors, health, lifecycle_page
from ..jobs.model.failures import JobError
from ..vault.metrics import families
from ..wire.control.orders import ORDERS
from ..wire.control.scripts import ScriptContext
from . import log_events

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reference"


def pages() -> dict[str, Callable[[], str]]:
    """File name → what it should say."""
    return {
        "lifecycle.md": lifecycle_page.render,
        "lifecycle.json": lifecycle_page.render_allowed,
        "definition.md": _definition,
        "exit-codes.md": exit_codes.render,
        "errors.md": _errors,
        "health.md": _health,
        "logs.md": log_events.render,
        "metrics.md": _metrics,
        "orders.md": _orders,
        "cli.md": _command_line,
        "rest.md": _rest,
        "openapi.json": _openapi_page,
        "documents.schema.json": _documents_page,
        "script-context.json": _script_context,
    }


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _errors() -> str:
    met = errors.by_code()
    rows = [(f"`{code}`", kind.__name__, kind.default_do) for code, kind in sorted(met.items())]
    known = {*met.values(), *datapath_errors.by_code().values(), JobError}
    tree = "\n".join(_tree(errors.SecondsiteError, known))
    return (
        "# Errors\n\nEvery error has a code, a message and something to do.\n\n"
        + _page(("code", "name", "what to do, unless the error says otherwise"), rows)
        + "\nThe whole tree, with codes, and what happened. Appliances log the errors of the data path and "
        "report them to each other; one that is not in the table above is shown as `internal`, with its own "
        "message and advice.\n\n" + f"```\n{tree}\n```\n"
    )


def _tree(
    kind: type[errors.SecondsiteError], known: Collection[type[errors.SecondsiteError]], before: str = ""
) -> Iterator[str]:
    """The error class and the known ones below it, one per line."""
    yield f"{before + kind.__name__:<28}{kind.code:<24}{_first(kind)}"
    lead = before.replace("├── ", "│   ").replace("└── ", "    ")
    below = sorted((each for each in kind.__subclasses__() if each in known), key=lambda each: each.__name__)
    for each in below:
        yield from _tree(each, known, lead + ("└── " if each is below[-1] else "├── "))


def _health() -> str:
    rows = [
        (f"`{kind.code}`", kind.severity.value, kind.cause, kind.do) for kind in health.CATALOGUE.values()
    ]
    return "# Health findings\n\nHealth is a list of named facts.\n\n" + _page(
        ("code", "severity", "likely cause", "recommended action"), rows
    )


def _metrics() -> str:
    rows = [
        (f"`{each.name}`", each.kind, ", ".join(f"`{label}`" for label in each.labels) or "-", each.says)
        for each in families.every()
    ]
    return (
        "# Metrics\n\n`GET /api/metrics` tells them, with a token of the role reader "
        "([how to scrape them](../guide/monitoring.md)). Instants are Unix times.\n\n"
    ) + _page(("metric", "kind", "labels", "what it says"), rows)


def _orders() -> str:
    rows = [
        (f"`{kind.value}`", order.what, _fields(order.payload), _fields(order.facts))
        for kind, order in ORDERS.items()
    ]
    return (
        "# Orders of the vault to an appliance\n\nEach is idempotent; a repeat gets the first report "
        "again.\n\n"
    ) + _page(("order", "what", "payload", "facts in the report"), rows)


def _definition() -> str:
    """The page about what is taken over from a machine's definition."""
    from ..fabrics.libvirt.hosting import comes_along

    return comes_along.render()


def _script_context() -> str:
    """The JSON that scripts of recovery plans read."""
    return json.dumps(ScriptContext.model_json_schema(), indent=2) + "\n"


def _fields(shape: Any) -> str:
    return ", ".join(f"`{name}`" for name in shape.model_fields) or "-"


def _page(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _table(header, rows) + "\n"


def _command_line() -> str:
    from . import commands

    del commands  # its commands are registered by importing it
    from ..cli.app import app

    root: Any = typer.main.get_command(app)
    parts = [
        "# Command line\n\nEvery command takes `--help`; those that show or start something take `--json`.\n"
    ]
    for noun in sorted(root.commands):
        group = root.commands[noun]
        named = getattr(group, "commands", None)
        intro = f"{group.help}\n\n" if named else ""
        rows = [
            (f"`secondsite {name}`", _arguments(each), _help(each))
            for name, each in (
                [(f"{noun} {part}", each) for part, each in named.items()] if named else [(noun, group)]
            )
            if not each.hidden
        ]
        parts.append(f"## {noun}\n\n{intro}" + _page(("command", "takes", "does"), rows))
    return "\n".join(parts)


def _arguments(command: Any) -> str:
    names = [max(each.opts, key=len) if each.opts else each.name for each in command.params]
    return ", ".join(f"`{name}`" for name in names if name != "--help") or "-"


def _help(command: Any) -> str:
    return _paragraph(str(command.help or ""))


def _first(thing: Any) -> str:
    """The first line of a thing's docstring."""
    return _paragraph(str(thing.__doc__ or ""))


def _openapi_page() -> str:
    return json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n"


def _documents_page() -> str:
    return json.dumps(documents.schema(), indent=2) + "\n"


@cache
def openapi() -> dict[str, Any]:
    """The REST API as the framework describes it."""
    from .. import __version__, api
    from ..vault.facade import VaultFacade

    return api.create(VaultFacade.__new__(VaultFacade), __version__).openapi()


def _rest() -> str:
    document = openapi()
    rows = [
        (
            f"`{method.upper()} {path}`",
            _answer(what),
            _paragraph(str(what.get("description") or what["summary"])),
        )
        for path, methods in sorted(document["paths"].items())
        for method, what in methods.items()
    ]
    return (
        f"# REST API\n\n{document['info']['description']}\n\n"
        "The full description is [openapi.json](openapi.json), which the vault shows at /api/openapi.json "
        "and /api/docs.\n\n"
    ) + _page(("call", "answers", "what"), rows)


def _answer(what: dict[str, Any]) -> str:
    return next((code for code in what["responses"] if code.startswith("2")), "-")


def write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, render in pages().items():
        (FOLDER / name).write_text(render())


def _paragraph(text: str) -> str:
    """The first paragraph, as one line."""
    return " ".join(text.strip().split("\n\n")[0].split())


if __name__ == "__main__":
    write()
