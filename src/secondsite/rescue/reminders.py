"""What the former vault would have done after a start, for whoever does it by hand now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .store import Replica


def after_start(replica: Replica) -> str:
    """Sentences, each after a semicolon; empty if nothing is known."""
    return "".join(f"; {each}" for each in _all(replica.said))


def _all(said: Mapping[str, Any]) -> Iterator[str]:
    """A vault of another release may have said something else: what is not understood is left out."""
    checks = [_check(each) for each in _items(said, "checks")]
    if checks:
        yield f"its vault would have checked: {', '.join(checks)}"
    for card in _items(said, "cards"):
        if card.get("address"):
            via = f" by {card['gateway']}" if card.get("gateway") else ""
            yield f"its card {card.get('mac')} is to have the address {card['address']}{via}: set it inside"
        if card.get("names"):
            yield f"these names are to point to it: {', '.join(map(str, card['names']))}"
    if said.get("group"):
        yield f"it belongs to the replication group '{said['group']}': start its machines from points of one set"


def _check(check: Mapping[str, Any]) -> str:
    port = f" on port {check['port']}" if check.get("port") else ""
    text = f" that says '{check['text']}'" if check.get("text") else ""
    return f"{check.get('name')} ({check.get('kind')}{port}{text})"


def _items(said: Mapping[str, Any], what: str) -> list[Mapping[str, Any]]:
    found = said.get(what)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
