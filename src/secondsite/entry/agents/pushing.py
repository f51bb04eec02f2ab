"""An agent is brought into a machine by the system's ssh."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ...domain import errors
from .keys import new_key
from .program import require_program
from .registry import addresses_of

PUSH_SECONDS = 900.0
AFTER_FAILURE = "Mend what ssh or the agent said; a push may be repeated."
_REMOTE = """set -e
read -r key
folder=$(mktemp -d /var/lib/secondsite-push-XXXXXX)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/secondsite-agent"
chmod 700 "$folder/secondsite-agent"
if [ -s /var/lib/secondsite-agent/identity.pem ]; then
    "$folder/secondsite-agent" install
else
    printf '%s\\n' "$key" | "$folder/secondsite-agent" install --appliance {addresses} -
fi
"""
"""The key and the program come by the standard input, where no other user of the machine sees them. A machine
that is enrolled keeps its identity: that is an upgrade."""


def push(home: Path, to: str, addresses: Sequence[str], program: Path) -> str:
    """Copy the program to a machine by the system's ssh, and install and enroll it there; returns a sentence.
    Raises InvalidArgument, FabricError with what ssh said."""
    chosen = addresses or addresses_of(home)
    if not chosen:
        raise errors.InvalidArgument(
            "Where is the machine to dial?", do="Name this appliance's address: --address HOST:PORT."
        )
    require_program(program)
    made = new_key(home, 1, None, rescue=False)
    script = _REMOTE.format(addresses=shlex.quote(",".join(chosen)))
    _ssh(to, script, made.key.encode() + b"\n" + program.read_bytes())
    return f"The agent runs on {to}, and dials {', '.join(chosen)}; if it was enrolled, as before."


def _ssh(to: str, script: str, given: bytes) -> None:
    command = ["ssh", "-o", "ConnectTimeout=20", "--", to, script]
    try:
        done = subprocess.run(command, input=given, stderr=subprocess.PIPE, timeout=PUSH_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise errors.FabricError(f"ssh to {to} failed: {problem}.", do=AFTER_FAILURE) from problem
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        raise errors.FabricError(f"The agent was not installed on {to}: {said}.", do=AFTER_FAILURE)
