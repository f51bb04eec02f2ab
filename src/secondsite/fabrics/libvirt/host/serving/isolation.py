"""Keeps a bridge's host out of the bridged network.

A bridge is a network card of its host too. Without an address it still took a router advertisement of a
guest, and with it the host's IPv6 default route; it answered ARP for the host's other addresses, and
forwarded what came. So the bridge has no IPv6, answers for no address, takes no packet whose way back leads
elsewhere, and forwards nothing. Traffic between the guests passes the bridge without that.
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
"""Kernel settings of a bridge; see Documentation/networking/ip-sysctl of the kernel."""


SERVES = {**SHUT, "ipv4/conf/{}/arp_ignore": "1"}
"""The settings if the host itself gives addresses and names: it answers for its address there, and for no
other."""


def shut_host_out(bridge: str, *, serves: bool = False) -> None:
    """Apply these settings to a bridge; harmless when repeated. Raises FabricError. On a host without IPv6
    those of IPv6 are skipped."""
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
