"""secondsite support-bundle: what others need to help, in one file, without secrets."""

import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from ..client import Vault
from ..domain import errors
from ..domain.access.hidden import text_without_secrets, without_what_looks_secret
from . import output
from .options import Json, connect

PAGE = {"limit": 500}
MOST_PAGES = 40
COMMAND_SECONDS = 60.0
MOST_BYTES = 20_000_000
"""Of one text: the end of a longer one is kept."""
ANSWERS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any] | None]] = {
    "vault": (("vault",), None),
    "summary": (("summary",), None),
    "validation": (("validation",), None),
    "sites": (("sites",), None),
    "site-pairs": (("site-pairs",), None),
    "appliances": (("appliances",), None),
    "mappings": (("networks", "mappings"), None),
    "pools": (("pools",), None),
    "policies": (("policies",), None),
    "groups": (("groups",), None),
    "plans": (("plans",), None),
    "drill-schedules": (("drills", "schedules"), None),
    "notice-targets": (("notices", "targets"), None),
    "machines": (("machines",), PAGE),
    "jobs": (("jobs",), {"limit": 100}),
    "failed-jobs": (("jobs",), {"limit": 100, "state": "failed"}),
    "approvals": (("approvals",), None),
    "audit": (("audit",), {"limit": 500}),
}
WHOLE = frozenset({"machines"})
"""Lists of which all pages are taken."""
UNITS = ("secondsite-vault", "secondsite-appliance", "libvirtd")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "units.txt": ("systemctl", "status", "--no-pager", "--lines=0", *UNITS),
    "journal.txt": (
        "journalctl", "--no-pager", "--output=short-iso", "--since=-2d", "--lines=100000",
        *(f"--unit={unit}" for unit in UNITS),
    ),
    "versions.txt": ("virsh", "version"),
    "space.txt": ("df", "-hT"),
}  # fmt: skip
README = """Made by 'secondsite support-bundle' {version} on {host} at {at}.

vault/    what the vault answers to the token that was given: names, addresses and settings of your machines
host/     what this host says of the services: their state and log of two days
missing   what could not be had, and why

What has the form of a token, key or password was taken out. Look through it before you send it.
"""


def support_bundle(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(help="By default secondsite-support-TIME.tar.gz here.", metavar="[FILE]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write what others need to help into one file, without secrets: what the vault tells, and what this
    host's log has. Nothing is sent. What cannot be had, as from a vault that is gone, is left out and
    named."""
    path = file or Path(f"secondsite-support-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz")
    missing: dict[str, str] = {}
    try:
        with path.open("xb") as made, tarfile.open(fileobj=made, mode="w:gz") as archive:
            path.chmod(0o600)
            for name, text in (*_of_vault(context, missing), *_of_host(missing)):
                _add(archive, name, text)
            _add(archive, "missing", "".join(f"{name}: {why}\n" for name, why in missing.items()))
            _add(archive, "README", _readme())
    except FileExistsError:
        raise errors.InvalidArgument(f"{path} is there already.", do="Name another file.") from None
    except OSError as problem:
        path.unlink(missing_ok=True)
        raise errors.InvalidArgument(
            f"{path} cannot be written: {problem}.", do="Name another file."
        ) from None
    if as_json:
        output.show_json({"file": str(path), "missing": missing})
        return
    output.say(f"{path}: {len(missing)} parts are missing." if missing else f"{path}")
    output.say("Look through it before you send it: it has names and addresses of your machines.")


def _of_vault(context: typer.Context, missing: dict[str, str]) -> Iterator[tuple[str, str]]:
    try:
        with connect(context) as vault:
            yield from _answers(vault, missing)
    except errors.SecondsiteError as problem:
        missing["vault"] = problem.message


def _answers(vault: Vault, missing: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, (parts, query) in ANSWERS.items():
        try:
            for number, text in enumerate(_pages(vault, parts, query, whole=name in WHOLE)):
                yield f"vault/{name}{number or ''}.json", text
        except errors.VaultUnreachable:
            raise
        except errors.SecondsiteError as problem:
            missing[f"vault/{name}"] = problem.message
    try:
        yield "vault/metrics.txt", vault.metrics()
    except errors.SecondsiteError as problem:
        missing["vault/metrics"] = problem.message


def _pages(
    vault: Vault, parts: tuple[str, ...], query: Mapping[str, Any] | None, *, whole: bool
) -> Iterator[str]:
    asked = dict(query or {})
    for _ in range(MOST_PAGES):
        text = vault.answer(*parts, query=asked).decode()
        yield text_without_secrets(text)
        following = json.loads(text)["next"] if whole else None
        if following is None:
            return
        asked["cursor"] = following


def _of_host(missing: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "host/system.txt", f"{platform.platform()}\nPython {platform.python_version()}\n"
    for name, command in COMMANDS.items():
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=COMMAND_SECONDS, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            missing[f"host/{name}"] = str(problem)
            continue
        yield f"host/{name}", (done.stdout[-MOST_BYTES:] + done.stderr).decode(errors="replace")


def _readme() -> str:
    return README.format(
        version=__version__, host=platform.node(), at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    )


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = without_what_looks_secret(text).encode(errors="replace")
    member = tarfile.TarInfo(f"secondsite-support/{name}")
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))
