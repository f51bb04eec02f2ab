"""What speaks against a machine's start on another server than its own. Pure."""

from collections.abc import Iterator, Sequence

from .hardware import LOADS, Hindrance, Kernel, Presence, System, add_drivers, booted

NEEDED = frozenset({Presence.MODULE, Presence.MISSING})


def hindrances(system: System, drivers: Sequence[str], *, uefi: bool) -> Iterator[Hindrance]:
    """`drivers`: the modules by which the server reaches the disk that it is to start from. `uefi`: how the
    rescue system was started there. What its system had when it was told last counts: it may have been
    mended since, so that what it lacks does not block."""
    if uefi != system.uefi:
        ways = {True: "UEFI", False: "BIOS"}
        yield Hindrance(
            f"The server was started by {ways[uefi]}, and the machine's system starts by "
            f"{ways[system.uefi]}.",
            f"Set the server's firmware to {ways[system.uefi]}, and start the rescue image so.",
        )
    elif uefi and system.fallback_loader is False:
        yield Hindrance(
            r"The server's firmware does not know the machine, which had no boot loader in "
            r"\EFI\BOOT\BOOTX64.EFI.",
            "On the machine, as root: grub-install --target=x86_64-efi --removable; or add a boot entry in "
            "the server's firmware.",
            blocking=False,
        )
    yield from _undriven(system, booted(system.kernels), drivers)


def _undriven(system: System, kernels: Sequence[Kernel], drivers: Sequence[str]) -> Iterator[Hindrance]:
    of = " and ".join(each.release for each in kernels) or "its kernels"
    lacking = [name for name in drivers if any(each.drivers.get(name) in NEEDED for each in kernels)]
    known = {name for each in kernels for name, where in each.drivers.items() if where in LOADS | NEEDED}
    unknown = [name for name in drivers if name not in known]
    if lacking:
        yield Hindrance(
            f"The initramfs of {of} had no {' and '.join(lacking)}, by which the server reaches its disk: "
            "the machine would not start there.",
            f"Before it comes home: {add_drivers(system.tool, ' '.join(lacking))}",
            blocking=False,
        )
    if unknown:
        yield Hindrance(
            f"Nobody knows whether {of} starts from {' and '.join(unknown)}, by which the server reaches its "
            "disk.",
            f"Before it comes home, see in the machine: 'lsinitramfs' or 'lsinitrd'. If it has none: "
            f"{add_drivers(system.tool, ' '.join(unknown))}",
            blocking=False,
        )
