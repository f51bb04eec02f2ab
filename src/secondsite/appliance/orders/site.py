"""The order about the site as a whole."""

from ...wire.orders import Nothing, SetSite
from .context import Context


def set_site(context: Context, payload: SetSite) -> tuple[str, Nothing]:
    changed = context.parts.bandwidth.set(payload.bandwidth)
    context.parts.groups.set(payload.groups)
    rate = context.parts.bandwidth.rate
    limit = "no limit" if rate is None else f"a limit of {rate} bytes per second"
    schedule = (
        f"the site's schedule {'holds from now on' if changed else 'held already'}: {limit} at this moment"
    )
    return f"{schedule}; {len(payload.groups)} replication groups", Nothing()
