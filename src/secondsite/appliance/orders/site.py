"""The order about the whole site."""

from ...ground.plural import counted
from ...wire.control.orders import SetSite, SiteFact
from .context import Context


def set_site(context: Context, payload: SetSite) -> tuple[str, SiteFact]:
    changed = context.parts.bandwidth.set(payload.bandwidth)
    context.parts.groups.set(payload.groups)
    if payload.enrolled is not None:
        context.parts.enrolled_peers.set(payload.enrolled, payload.keys)
    context.parts.known_vaults.set(payload.vaults)
    cas = context.parts.trusted_cas
    if payload.trusted_ca_pem:
        cas.set(payload.trusted_ca_pem)
    rate = context.parts.bandwidth.rate
    limit = "no limit" if rate is None else f"a limit of {rate} bytes per second"
    schedule = (
        f"the site's schedule {'applies from now on' if changed else 'was already in force'}: {limit} at "
        "present"
    )
    fact = SiteFact(trusted=cas.fingerprints, issuer=cas.issuer)
    return f"{schedule}; {counted(len(payload.groups), 'replication group')}", fact
