"""Nothing unprotects a machine that runs nowhere because of us: without its record nobody would bring it up again (S-057)."""

from ....domain import errors, typed
from ....domain.lifecycle import State
from ....wire.common.machines import PowerState
from .source import Source
from .target import Target

HALF_WAY = frozenset({State.FAILOVER_FAILED, State.CANCEL_FAILED})
"""What a failover that did not come to its end leaves: it may have shut the machine down, and have started nothing."""
NOWHERE = frozenset({PowerState.OFF, PowerState.MISSING})


def require(source: Source, target: Target, given_up: str | None) -> str:
    """A sentence. Raises PrerequisiteFailed unless one site says that the machine runs there. A site that was given up is not asked: what
    it had is lost, and its machine with it."""
    machine = source.machine
    said = []
    for side, site in ((source, machine.source_site), (target, machine.target_site)):
        if site == given_up:
            continue
        power = _power(side)
        if power is not None and power not in NOWHERE:
            return f"{machine.name} is {power} at {site}"
        said.append(f"at {site} it is {power}" if power else f"{site} does not answer")
    if given_up == machine.source_site:
        return f"{machine.source_site} is given up, and what it had; {'; '.join(said)}"
    name = machine.name
    raise errors.PrerequisiteFailed(
        f"{machine.name} runs nowhere, as far as is known ({'; '.join(said)}): a failover did not come to its end. Without protection nobody would "
        "bring it up.",
        do=f"Bring it up first: 'secondsite machine cancel-failover {typed.arguments(name)}' starts it at {machine.source_site}, 'secondsite machine failover {typed.arguments(name)}' at "
        f"{machine.target_site}. Then end its protection.",
    )


def _power(side: Source | Target) -> PowerState | str | None:
    """None: its site does not answer."""
    try:
        return side.power().facts.power
    except errors.ApplianceUnreachable:
        return None
