"""Keeps what a former vault said in the rescue manifest, beside what the present one says, as long as
machines are here that the present vault has not adopted yet."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ....wire.control.adopting import AdoptionSettings
from .writing import AT

FORMER, VAULT, PLANS, SITE, MACHINES = "former", "vault", "plans", "site", "machines"
KEYS: Mapping[str, Callable[[Any], object]] = {
    "sites": lambda each: each["name"],
    "appliances": lambda each: each["id"],
    "policies": lambda each: each["policy"]["name"],
    "groups": lambda each: each["name"],
    "plans": lambda each: each["name"],
    "mappings": lambda each: (each["source_site"], each["source_network"], each["target_site"]),
}
"""The fields by which things of one kind are told apart."""


def kept(before: Mapping[str, Any], unknown: Collection[str]) -> dict[str, Any] | None:
    """What to keep of a former vault, from the file as it was; `unknown` are the machines that the present
    vault does not name. None if it knows all. VAULT is None if the former vault said nothing of itself: else
    the present vault's words would count as its own."""
    former: dict[str, Any] | None = before.get(FORMER)
    if not unknown:
        return None
    if former is not None and set(unknown) <= set(former[MACHINES]):
        return {**former, MACHINES: sorted(unknown)}
    if before.get(VAULT) is None and former is not None:
        return {**former, MACHINES: sorted(unknown)}
    older = former or {PLANS: [], VAULT: None}
    said = before.get(VAULT)
    return {
        MACHINES: sorted(unknown),
        SITE: before.get(SITE),
        AT: before.get(AT),
        PLANS: plans(before.get(PLANS) or [], older),
        VAULT: older[VAULT] if said is None else _joined(said, older[VAULT] or {}),
    }


def of_former(before: Mapping[str, Any], here: Collection[str]) -> set[str]:
    """The machines here that a former vault had, by the file: all of them if no vault has sent its
    configuration yet."""
    if before.get(FORMER) is None:
        return set(here) if before.get(VAULT) is None else set()
    return set(here) & set(before[FORMER][MACHINES])


def plans(said: Sequence[Mapping[str, Any]], former: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The plans of the present vault, and those of the former one that have other names."""
    return _all(said, (former or {}).get(PLANS, ()), KEYS[PLANS])


def understood(body: Mapping[str, Any]) -> dict[str, object]:
    """What the file says of the former vault, and since when. Raises ValidationError for what no vault can
    have said."""
    former = body.get(FORMER)
    if former is None:
        vault = body.get(VAULT)
        said = None if vault is None else AdoptionSettings.model_validate(vault)
        return {"site": body.get(SITE) or "", "said_at": body.get(AT), "vault": said}
    joined = (
        None
        if former[VAULT] is None
        else AdoptionSettings.model_validate(_joined(body.get(VAULT) or {}, former[VAULT]))
    )
    return {"site": former.get(SITE) or "", "said_at": former.get(AT), "vault": joined}


def _joined(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: _all(now.get(kind, ()), before.get(kind, ()), key) for kind, key in KEYS.items()}


def _all(now: Sequence[Any], before: Sequence[Any], key: Callable[[Any], object]) -> list[Any]:
    there = {key(each) for each in now}
    return [*now, *(each for each in before if key(each) not in there)]


UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError)
