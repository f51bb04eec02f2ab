"""Each value that a former vault is said to have set, in words: whoever could write to the store could set any of them."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, JsonValue, TypeAdapter

from .....domain.plans.plan import RecoveryPlan
from .....wire.control.adopting import KeptRecord

CALLED = {"names": "DNS names"}
VALUES: TypeAdapter[Mapping[str, JsonValue]] = TypeAdapter(Mapping[str, JsonValue])


def of_machine(kept: KeptRecord) -> Iterator[str]:
    """A sentence for each network card, check and hook, and for what it is made of there."""
    for card in kept.cards:
        yield f"its network card has: {told(_differing(card))}"
    for check in kept.checks:
        yield f"it is checked: {told(_differing(check))}"
    for hook in kept.hooks:
        yield f"this runs with its verbs: {told(_differing(hook))}"
    own = _differing(kept.properties)
    if own:
        yield f"it has there: {told(own)}"


def of_plan(plan: RecoveryPlan) -> Iterator[str]:
    """What runs, and what people are told to do."""
    for group in plan.groups:
        for action in (*group.before, *group.after):
            yield told(_differing(action))


def changed(value: object, usual: object) -> str:
    """What differs of two dataclasses; empty for nothing."""
    own, other = (
        VALUES.validate_python(TypeAdapter(type(each)).dump_python(each, mode="json"))
        for each in (value, usual)
    )
    return told({name: each for name, each in own.items() if each != other.get(name)})


def told(values: Mapping[str, JsonValue]) -> str:
    """'network dmz, address 10.2.0.5/24'."""
    return ", ".join(
        f"{CALLED.get(name, name.replace('_', ' '))} {_words(each)}" for name, each in values.items()
    )


def _differing(shape: object) -> Mapping[str, JsonValue]:
    if isinstance(shape, BaseModel):
        return VALUES.validate_python(shape.model_dump(mode="json", exclude_defaults=True))
    said = VALUES.validate_python(TypeAdapter(type(shape)).dump_python(shape, mode="json"))
    return {name: each for name, each in said.items() if each not in (None, "", [], 0, False)}


def _words(value: JsonValue) -> str:
    if isinstance(value, dict):
        return f"({told(value)})"
    if isinstance(value, list):
        return " ".join(map(_words, value))
    if value is None:
        return "none"
    return {"True": "yes", "False": "no"}.get(str(value), str(value))
