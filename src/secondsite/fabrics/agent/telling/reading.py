"""Takes what an agent tells of its machine from its answer."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ....domain import errors
from ....ground.units import MiB
from .machine import ToldMachine

LONGEST = 1 * MiB
WORST = 3


def read(name: str, told: Mapping[str, Any]) -> ToldMachine:
    """What the agent of the machine with this name told. Raises FabricError if it is not what an agent of
    ours would tell."""
    text = json.dumps(told)
    if len(text) > LONGEST:
        raise _refused(name, f"it has {len(text)} characters")
    try:
        return ToldMachine.model_validate_json(text)
    except ValidationError as error:
        wrong = [".".join(map(str, each["loc"]))[:100] for each in error.errors()[:WORST]]
        raise _refused(name, f"wrong are {', '.join(wrong)}") from error


def _refused(name: str, why: str) -> errors.FabricError:
    return errors.FabricError(
        f"What the agent in '{name}' tells of its machine cannot be taken: {why}.",
        do="Install the agent anew there; if that changes nothing, somebody else speaks in its name.",
    )
