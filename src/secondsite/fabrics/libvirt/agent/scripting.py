"""Runs a script inside a running guest, by the guest's agent."""

import time
from typing import Any

from ....domain import errors
from ...scripting import GuestScript, ScriptEnd
from ..host import connection
from . import guest

SHELL = "/bin/sh"
LINES = """
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
folder=$1 size=$2 seconds=$3; shift 3
head -c "$size" "$folder/all" > "$folder/script"
tail -c "+$((size + 1))" "$folder/all" > "$folder/said"
setsid "$@" "$folder/script" < "$folder/said" > "$folder/out" 2>&1 &
script=$!
setsid sh -c 'sleep "$1"; kill -KILL "-$2"' watch "$seconds" "$script" > /dev/null 2>&1 < /dev/null &
watch=$! status=0
wait "$script" || status=$?
kill -KILL "-$watch" 2> /dev/null || :
tail -c 16000 "$folder/out"
rm -rf "$folder"
exit "$status"
"""
"""The shell command that runs a script. The script's input follows it in the same file: as an argument it
could be too long. The interpreter reads the file, so it may be on a noexec mount. The script is killed with
its whole session. Its output goes to a file: the agent would wait for every process that holds a pipe, and
that may be a service which the script has started."""
MAKE, ADD = "umask 077; mktemp -d /tmp/secondsite.XXXXXX", 'cat >> "$1/all"'
PART_BYTES = 16 * 1024
"""Bytes per message: an agent reads a longer one in pieces, and takes a piece for the whole if the next one
is late."""
KILLED = 137
BRING_SECONDS = 15.0
POLL_SECONDS = 0.2
BESIDE_SECONDS = 15.0
"""Seconds after the script's own deadline until the guest must have told of its end."""
SILENT_SECONDS = 60.0
"""How long an agent may be busy, or restart with its guest, without an answer."""
KEPT_BYTES = 16_000


class Scripting:
    def __init__(self, hypervisor: connection.Hypervisor) -> None:
        self._hypervisor = hypervisor

    def run(self, fabric_id: str, script: GuestScript) -> ScriptEnd:
        domain = self._hypervisor.domain(fabric_id)
        folder, began = brought(domain, script.text + script.said), time.monotonic()
        words = [folder, str(len(script.text)), str(max(1, round(script.seconds)))]
        pid = guest.start(domain, SHELL, ["-euc", LINES, "secondsite", *words, *script.interpreter])
        ended = _ended(domain, pid, began + script.seconds + BESIDE_SECONDS)
        if ended is None:
            return ScriptEnd(None, b"it goes on in the guest, which has nothing that ends it")
        status = ended.code if ended.signal is None else -ended.signal
        was_killed = status == KILLED and time.monotonic() - began >= script.seconds
        return ScriptEnd(None if was_killed else status, guest.written(ended)[-KEPT_BYTES:])


def brought(domain: Any, content: bytes) -> str:
    """Write the content to a file 'all' in the guest; returns the path of its folder."""
    folder = guest.run(domain, SHELL, ["-euc", MAKE], BRING_SECONDS).decode(errors="replace").strip()
    for place in range(0, len(content), PART_BYTES):
        part = content[place : place + PART_BYTES]
        guest.run(domain, SHELL, ["-euc", ADD, "secondsite", folder], BRING_SECONDS, part)
    return folder


def _ended(domain: Any, pid: int, deadline: float) -> guest.CommandExit | None:
    """How the script ended; None if it did not by `deadline`. Raises FabricError if the agent does not answer
    for SILENT_SECONDS."""
    heard_at = time.monotonic()
    while (now := time.monotonic()) < deadline:
        try:
            if (found := guest.look(domain, pid)).exited:
                return found
            heard_at = now
        except (errors.FabricError, errors.DeadlineExceeded) as problem:
            if now - heard_at > SILENT_SECONDS:
                raise errors.FabricError(
                    "the script began in the guest, and its agent tells nothing more of it: "
                    f"{problem.message}"
                ) from problem
        time.sleep(POLL_SECONDS)
    return None
