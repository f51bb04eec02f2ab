"""A script inside a machine: it lies in this site's script folder as the others do, and the machine's guest agent runs its text.

It is for the guest, so its interpreter is looked for only there."""

import time
from pathlib import Path

from ....domain import errors
from ....fabrics.scripting import MOST_OF_A_SCRIPT, GuestScript
from ....wire.control.scripts import AGENT_SECONDS, GuestOfScript
from ..context import Context
from . import script_folder

LOOK_SECONDS = 0.5
FIRST_LINE_BYTES = 256
USUAL_INTERPRETER = ("/bin/sh",)


def text_of(folder: Path | None, name: str) -> bytes:
    """Raises NotPossibleNow or NotFound."""
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
            do="Put what it brings with it into the machine.",
        )
    if b"\r\n" in text[:FIRST_LINE_BYTES]:
        raise errors.NotPossibleNow(
            f"Script {path} has lines that end as those of Windows do.",
            do="Guests with a shell are meant: take the carriage returns out.",
        )
    return text


def wait_for_agent(context: Context, guest: GuestOfScript) -> None:
    """A machine that was just started boots. Raises NotPossibleNow if its agent is silent for long, NotFound."""
    if not context.fabric.seeing.sights(guest.fabric_id).agent:
        raise errors.NotPossibleNow(
            f"Nothing was run in {guest.name}: it has no channel for a guest agent.",
            do="Give the machine one (qemu-guest-agent, and its channel), or run the script at the appliance.",
        )
    ends_at = time.monotonic() + AGENT_SECONDS
    while not context.fabric.seeing.agent_answers(guest.fabric_id):
        if time.monotonic() > ends_at:
            raise errors.NotPossibleNow(
                f"Nothing was run in {guest.name}: its guest agent did not answer within {AGENT_SECONDS:.0f} s.",
                do="Look whether it runs, and whether a guest agent is installed in it.",
            )
        time.sleep(LOOK_SECONDS)


def made(text: bytes, said: bytes, seconds: float) -> GuestScript:
    """With the interpreter that its first line names, and one word for it, as execve(2) takes them."""
    line = text[:FIRST_LINE_BYTES].partition(b"\n")[0].decode(errors="replace")
    words = line.removeprefix("#!").split(None, 1) if line.startswith("#!") else ()
    return GuestScript(text, tuple(word.strip() for word in words) or USUAL_INTERPRETER, said, seconds)
