"""What Proxmox VE answers instead of what was asked, in our words, with what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...domain.errors import FabricError, MachineAway

LONGEST_WORDS = 300
NODE_AWAY = frozenset({595, 596, 599})
"""How a node says that the one to which it passes a call on does not answer."""
UNAUTHENTICATED, FORBIDDEN = 401, 403
LOCKED = re.compile(r"VM is locked \(([a-z-]{1,20})\)|can't lock file")
NO_QUORUM = re.compile(r"no quorum|not ready - no quorum")
GONE = re.compile(r"Configuration file '.{0,100}' does not exist")


class PveAway(MachineAway):
    """No node answers, or not the one that is needed."""

    default_do = "Look at a node: 'pvecm status', 'systemctl status pveproxy'. It is asked again by itself."


class PveRefused(FabricError):
    """Proxmox VE answered that it does not do it."""

    default_do = "Look at the task log of the node in the web interface of Proxmox VE, then repeat the verb."


class PveLocked(PveRefused):
    """Something else works with the machine, such as a backup."""

    default_do = (
        "Wait until it ends: 'qm config VMID' at its node shows the lock. If nothing runs any more: 'qm "
        "unlock VMID'. Then repeat the verb."
    )


class MachineMoved(PveRefused):
    """The machine is not on that node: it was migrated, or removed."""


def plain(text: object) -> str:
    """What was said, on one line, short, and without characters that steer a terminal."""
    words = " ".join("".join(each if each.isprintable() else " " for each in str(text)).split())
    return words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}..."


def refusal(status: int, what: str, message: object, fields: object = None) -> FabricError:
    """The error for an answer with this HTTP status. `what` was asked, as a method and a path; `fields` says
    what is wrong with which parameter."""
    said = plain(message) or f"status {status}"
    if status == UNAUTHENTICATED:
        return PveRefused(
            f"Proxmox VE does not accept the API token: {said}.",
            do="Look whether it exists and has not ended: 'pveum user token list USER' at a node. Then put "
            "it into the token file as USER@REALM!NAME=SECRET.",
        )
    if status == FORBIDDEN:
        return PveRefused(
            f"The API token may not do {what}: {said}.",
            do="Give it a role that may, at a node: 'pveum acl modify /vms --tokens USER@REALM!NAME --roles "
            "ROLE'.",
        )
    if status in NODE_AWAY or NO_QUORUM.search(said):
        return PveAway(f"Proxmox VE cannot do {what} now: {said}.")
    return _other(what, said, fields)


def _other(what: str, said: str, fields: object) -> FabricError:
    if LOCKED.search(said):
        return PveLocked(f"Proxmox VE does not do {what}: {said}.")
    if GONE.search(said):
        return MachineMoved(f"Proxmox VE does not do {what}: {said}.")
    wrong = "; ".join(f"{plain(key)}: {plain(why)}" for key, why in _few(fields))
    return PveRefused(f"Proxmox VE refuses {what}: {said}{' ' + wrong if wrong else ''}.")


def _few(fields: object) -> list[tuple[object, object]]:
    return list(fields.items())[:3] if isinstance(fields, Mapping) else []
