"""secondsite config ...: what the vault and the appliance of this host are told, and by whom."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pydantic
import typer

from ..cli import output
from ..cli.options import Json
from ..domain import errors
from ..ground.processes import layered
from . import settings
from .service_user import DEFAULT_APPLIANCE_HOME, DEFAULT_VAULT_HOME

app = typer.Typer(no_args_is_help=True, help="Settings of the vault and the appliance of this host.")

ASK_SECONDS = 10
Home = Annotated[
    list[Path] | None,
    typer.Option(help="Folder of a vault or an appliance; repeat it. By default those of the services."),
]


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it counts. `source`: the file or the variable that says it, or that nobody does."""

    of: str
    name: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """Of homes: a vault's, or an appliance's."""

    name: str
    default_home: Path
    fields: Collection[str]
    read: Callable[[Path, Mapping[str, str]], pydantic.BaseModel]
    said: Callable[[Path, Mapping[str, str]], Mapping[str, layered.Setting]]


COLUMNS: tuple[output.Column, ...] = (
    ("of", lambda each: each.of),
    ("setting", lambda each: each.name),
    ("value", lambda each: json.dumps(each.value, ensure_ascii=False)),
    ("from", lambda each: each.source),
)


@app.command("show")
def config_show(home: Home = None, as_json: Json = False) -> None:
    """Show each setting as it counts, and which file or variable says so. While a service runs, the
    environment is that of its process. After a change: systemctl restart secondsite-vault."""
    found = [each for kind, folder in _chosen(home) for each in _shown(kind, folder)]
    if as_json:
        output.show_json({"settings": [_plain(each) for each in found]})
    else:
        output.show_table(found, COLUMNS, "there are no settings")


def _kinds() -> tuple[_Kind, ...]:
    from ..appliance.shared import ApplianceConfig  # loaded when it is asked for: it takes a while

    return (
        _Kind("vault", DEFAULT_VAULT_HOME, settings.VaultSettings.model_fields, settings.read, settings.said),
        _Kind(
            "appliance", DEFAULT_APPLIANCE_HOME, ApplianceConfig.model_fields,
            ApplianceConfig.load, ApplianceConfig.said,
        ),
    )  # fmt: skip


def _chosen(homes: list[Path] | None) -> list[tuple[_Kind, Path]]:
    """Raises NotFound where there is nothing to show."""
    wanted = homes or [DEFAULT_VAULT_HOME, DEFAULT_APPLIANCE_HOME]
    found = [
        (kind, home.absolute())
        for home in wanted
        for kind in _kinds()
        if (home / f"{kind.name}.json").exists()
    ]
    if not found:
        raise errors.NotFound(
            f"There is no vault, and no appliance, in {' or '.join(map(str, wanted))}.",
            do="Name its folder: --home FOLDER; or make one: 'secondsite vault init --help'.",
        )
    return found


def _shown(kind: _Kind, home: Path) -> Iterator[Shown]:
    environ = os.environ if home != kind.default_home else _environ_of(f"secondsite-{kind.name}")
    counts, said = kind.read(home, environ).model_dump(mode="json"), kind.said(home, environ)
    for name in kind.fields:
        value = settings.shown_database(counts[name]) if name == "database_url" else counts[name]
        yield Shown(kind.name, name, value, said[name].source if name in said else layered.DEFAULT)


def _environ_of(unit: str) -> Mapping[str, str]:
    """Of a service's process, if it runs and may be looked at; else of this one."""
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        asked = ["systemctl", "show", "--property=MainPID", "--value", unit]
        pid = int(
            subprocess.run(asked, capture_output=True, text=True, timeout=ASK_SECONDS, check=True).stdout
        )
        if pid:
            pairs = Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
            return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return os.environ


def _plain(each: Shown) -> dict[str, Any]:
    return {"of": each.of, "name": each.name, "value": each.value, "source": each.source}
