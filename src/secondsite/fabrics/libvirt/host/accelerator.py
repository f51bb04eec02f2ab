"""Whether KVM really runs guests here, tested with a guest of one sector.

/dev/kvm may exist and refuse guests, or run them many times slower than emulation (on hosts that imitate
it). The sector writes to QEMU's debug-exit device, which ends QEMU with a code that only executed code can
cause; KVM must do that about as fast as emulation."""

import functools
import subprocess
import tempfile
import time
from pathlib import Path

PROBE_SECONDS = 8.0
AT_LEAST_SECONDS = 1.0
PROOF = 33  # debug-exit turns the written 0x10 into (0x10 << 1) | 1
SECTOR = (
    bytes.fromhex("b010 e6f4 f4 ebfd").ljust(510, b"\0") + b"\x55\xaa"
)  # mov al,0x10; out 0xf4,al; hlt; jmp
EMULATOR = "qemu-system-x86_64"


@functools.cache
def kvm_usable() -> bool:
    """Tested once per process; takes a fraction of a second, at most about ten seconds."""
    if not Path("/dev/kvm").exists():
        return False
    with tempfile.TemporaryDirectory() as folder:
        sector = Path(folder, "sector")
        sector.write_bytes(SECTOR)
        emulated_seconds = seconds_to_run("tcg", sector, PROBE_SECONDS)
        patience_seconds = max(AT_LEAST_SECONDS, 3 * (emulated_seconds or AT_LEAST_SECONDS))
        return seconds_to_run("kvm", sector, patience_seconds) is not None


def seconds_to_run(accelerator: str, sector: Path, deadline_seconds: float) -> float | None:
    """Seconds from QEMU's start to the guest's exit code; None if it did not come."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            _command(accelerator, sector), capture_output=True, timeout=deadline_seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return time.monotonic() - started if done.returncode == PROOF else None


def _command(accelerator: str, sector: Path) -> list[str]:
    return [
        EMULATOR, "-accel", accelerator, "-m", "16", "-nodefaults", "-display", "none", "-no-reboot",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
        "-drive", f"file={str(sector).replace(',', ',,')},format=raw,if=ide,snapshot=on",
    ]  # fmt: skip
