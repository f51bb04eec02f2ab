"""A script inside a machine: it lies in this site's script folder as the others do, and the machine's guest
agent runs its text.

It is written for the guest, so its interpreter is looked for only there."""

import time
from collections.abc import Sequence
from pathlib import Path

from ....domain import errors
from ....domain.networks.addresses import is_of_a_machine
from ....fabrics.scripting import MOST_OF_A_SCRIPT, GuestScript
from ....wire.control.orders import MOST_TOLD
from ....wire.control.scripts import AGENT_SECONDS, GuestOfScript, RunScript, ScriptContext
from ..context import Context
from ..dns import addresses
from . import script_folder

LOOK_SECONDS = 0.5
FIRST_LINE_BYTES = 256
USUAL_INTERPRETER = ("/bin/sh",)


def text_of(folder: Path | None, name: str) -> bytes:
    """The script's text. Raises NotPossibleNow or NotFound if it cannot be given to a guest."""
    path = script_folder.its_own(folder, name)
    try:
        with path.open("rb") as file:
            text = file.read(MOST_OF_A_SCRIPT + 1)
    except OSError as problem:
        raise errors.NotPossibleNow(
            f"Script {path} cannot be read: {problem.strerror}.", do="Look at the file."
        ) from None
    if len(text) > MOST_OF_A_SCRIPT:
        raise errors.NotPossibleNow(
            f"Script {path} is larger than the {MOST_OF_A_SCRIPT} bytes that a guest agent takes.",
            do="Keep what makes it large in a file inside the machine, and let the script use that.",
        )
    if b"\r\n" in text[:FIRST_LINE_BYTES]:
        raise errors.NotPossibleNow(
            f"Script {path} has Windows line endings.",
            do="Save it with Unix line endings: a guest with a shell finds no interpreter otherwise.",
        )
    return text


def wait_for_agent(context: Context, guest: GuestOfScript) -> None:
    """Wait until the guest agent answers: a machine that was just started is booting. Raises NotPossibleNow
    if the agent stays silent, NotFound if the machine is gone."""
    if not context.fabric.seeing.sights(guest.fabric_id).agent:
        raise errors.NotPossibleNow(
            f"Nothing was run in {guest.name}: it has no channel for a guest agent.",
            do=(
                "Give the machine one (qemu-guest-agent, and its channel), or run the script at the "
                "appliance."
            ),
        )
    ends_at = time.monotonic() + AGENT_SECONDS
    while not context.fabric.seeing.agent_answers(guest.fabric_id):
        if time.monotonic() > ends_at:
            raise errors.NotPossibleNow(
                (
                    f"Nothing was run in {guest.name}: its guest agent did not answer within "
                    f"{AGENT_SECONDS:.0f} s."
                ),
                do="Look whether it runs, and whether a guest agent is installed in it.",
            )
        time.sleep(LOOK_SECONDS)


def made(text: bytes, said: bytes, seconds: float) -> GuestScript:
    """The script as a guest agent takes it: with the interpreter that its first line names and at most one
    argument for that, as execve(2) has it."""
    line = text[:FIRST_LINE_BYTES].partition(b"\n")[0].decode(errors="replace")
    words = line.removeprefix("#!").split(None, 1) if line.startswith("#!") else ()
    return GuestScript(text, tuple(word.strip() for word in words) or USUAL_INTERPRETER, said, seconds)


# The addresses of the machine that a hook is about, as they are when its script begins.

MOST_OF_ALL = 4 * MOST_TOLD


def completed(context: Context, payload: RunScript) -> ScriptContext:
    """The context that the script is given, completed with the machine's addresses. Does not wait for the
    guest: its start was proven before, or need not be."""
    told = payload.context
    if payload.looks_at is None or len(told.machines) != 1:
        return told
    (machine,) = told.machines
    by_mac = addresses.bounded(addresses.known(context, payload.looks_at))
    cards = tuple(
        card.model_copy(update={"addresses": by_mac.get(card.mac.lower(), ())}) for card in machine.cards
    )
    seen = [each for own in by_mac.values() for each in own] or _from_the_hypervisor(
        context, payload.looks_at
    )
    wanted = [card.address for card in cards if card.address is not None]
    # An address that was set comes first, if the guest has it.
    found = [*(each for each in wanted if each in seen), *seen] or wanted
    own = machine.model_copy(update={"cards": cards, "addresses": tuple(dict.fromkeys(found))[:MOST_OF_ALL]})
    return told.model_copy(update={"machines": (own,)})


def _from_the_hypervisor(context: Context, fabric_id: str) -> Sequence[str]:
    try:
        found = context.fabric.reaching.addresses(fabric_id)
    except errors.SecondsiteError:
        return []
    plain = [each.partition("/")[0] for each in found]
    return list(filter(is_of_a_machine, plain))
