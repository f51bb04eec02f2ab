"""A bridge whose host takes no part in it.

A bridge is a network card of its host too. Without an address it still took a router advertisement of a
guest, and with it the host's IPv6 default route; it answered ARP for the host's other addresses, and
forwarded what came. So it knows no IPv6, answers for nothing, takes nothing whose way back leads elsewhere,
and forwards nothing. What the guests say to each other passes the bridge without that.
"""

from pathlib import Path

from .....domain import errors

SETTINGS = Path("/proc/sys/net")
SHUT = {
    "ipv6/conf/{}/disable_ipv6": "1",
    "ipv4/conf/{}/arp_ignore": "8",
    "ipv4/conf/{}/rp_filter": "1",
    "ipv4/conf/{}/forwarding": "0",
}
"""Documentation/networking/ip-sysctl of the kernel."""


SERVES = {**SHUT, "ipv4/conf/{}/arp_ignore": "1"}
"""Where the host itself gives addresses and names: it answers for its address there, and for no other."""


def shut_host_out(bridge: str, *, serves: bool = False) -> None:
    """Harmless if it is done. Raises FabricError. A host without IPv6 has nothing to shut there."""
    for name, value in (SERVES if serves else SHUT).items():
        setting = SETTINGS / name.format(bridge)
        if not setting.parent.exists() and name.startswith("ipv6"):
            continue
        _set(setting, value, bridge)


def _set(setting: Path, value: str, bridge: str) -> None:
    try:
        if setting.read_text().strip() != value:
            setting.write_text(value)
    except OSError as error:
        raise errors.FabricError(
            (
                f"The host would take part in the isolated network '{bridge}': {setting} cannot be set to "
                f"{value} ({error.strerror})."
            ),
            do="Let the appliance write below /proc/sys/net (in its unit ProtectKernelTunables=no), or "
            "start the test failover with --network none or an isolated network of your own.",
        ) from error
