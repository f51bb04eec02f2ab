"""A guest's own network configuration: looked at, changed and put back by its agent.

What a guest tells is judged by `domain`, and goes nowhere but back into it."""

import base64
import binascii
from typing import Any

from ....domain import errors
from ....domain.networks.guest_config import choosing
from ....domain.networks.guest_config.card_plan import CardPlan, NotUnderstood, NotYet
from ...addressing import RestoredFiles
from . import guest, scripting
from .lasting_lines import BACK, FILE_BYTES, LOOK, PUT, SHELL

MOST_FILES = 64
MOST_LEFT = 16
LONGEST_PATH = 160


def put(domain: Any, plan: CardPlan, whose: str, seconds: float, *, from_home: bool) -> choosing.Program:
    """Have the guest's own program give the card its addresses; returns which one. See Addressing.give.
    Raises NotUnderstood for a configuration that is left alone, NotYet, FabricError, DeadlineExceeded."""
    found = _change(plan, look(domain, plan.name, seconds))
    content = "".join(f"{each.mode:o} {_coded(each.path)} {_coded(each.content)}\n" for each in found.files)
    folder = scripting.brought(domain, content.encode())
    words = ["secondsite", folder, whose, found.program.value, plan.name, "yes" if from_home else "no"]
    guest.run(domain, SHELL, ["-euc", PUT, *words], seconds)
    return found.program


def _change(plan: CardPlan, told: choosing.Told) -> choosing.Change:
    """Raises NotUnderstood, NotYet."""
    try:
        return choosing.change(plan, told)
    except NotUnderstood as problem:
        raise (NotYet if told.booting else NotUnderstood)(str(problem)) from problem


def look(domain: Any, card: str, seconds: float) -> choosing.Told:
    """What the guest tells of the card's configuration. Raises NotUnderstood, FabricError,
    DeadlineExceeded."""
    said = guest.run(domain, SHELL, ["-euc", LOOK, "secondsite", card], seconds).decode(errors="replace")
    return told(said)


def back(domain: Any, whose: str, seconds: float) -> RestoredFiles:
    """Put the files of before back. Raises FabricError, DeadlineExceeded."""
    said = guest.run(domain, SHELL, ["-euc", BACK, "secondsite", whose], seconds).decode(errors="replace")
    lines = [line.partition(" ") for line in said.splitlines()]

    def those(word: str) -> tuple[str, ...]:
        found = (path for first, _, path in lines if first == word and path.isprintable())
        return tuple(path[:LONGEST_PATH] for path in found)[:MOST_LEFT]

    return RestoredFiles(those("back"), those("left"), those("stays"))


def told(said: str) -> choosing.Told:
    """What the guest's shell said, as LOOK has it. Raises NotUnderstood, FabricError."""
    lines = [line.split() for line in said.splitlines()]
    files: dict[str, dict[str, str]] = {}
    for word, path, *content in (line for line in lines if len(line) in (2, 3)):
        files.setdefault(word, {})[_decoded(path)] = _decoded(*content[:1])
    if sum(map(len, files.values())) > MOST_FILES:
        raise NotUnderstood("its guest has too many files of network configuration")
    words = {line[0] for line in lines if len(line) == 1}

    def first(kind: str) -> str | None:
        return next(iter(files.get(kind, {}).values()), None)

    return choosing.Told(
        upper=next(iter(files.get("upper", {})), None),
        network_file=first("network"),
        connection=next(iter(files.get("connection", {})), None),
        connection_file=first("connection-file"),
        other_files="other-files" in words,
        interfaces=files.get("interfaces", {}),
        netplan=files.get("netplan", {}),
        resolv_conf=first("resolv-conf"),
        cloud_init="cloud-init" in words,
        booting="booting" in words,
    )


def _decoded(coded: str = "") -> str:
    try:
        content = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise errors.FabricError("what its guest tells of its network files is not understood") from problem
    if len(content) >= FILE_BYTES:
        raise NotUnderstood("a file of its guest's network configuration is too long")
    return content.decode(errors="surrogateescape")


def _coded(text: str) -> str:
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()
