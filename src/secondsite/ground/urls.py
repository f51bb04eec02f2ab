"""Addresses in URLs."""


def bracketed(host: str) -> str:
    """The host as it stands before a port: an address of IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
