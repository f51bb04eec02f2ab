"""The order about the site as a whole."""

from ...wire.orders import Nothing, SetSite
from .context import Context


def set_site(context: Context, payload: SetSite) -> tuple[str, Nothing]:
    changed = context.parts.bandwidth.set(payload.bandwidth)
    rate = context.parts.bandwidth.rate
    limit = "no limit" if rate is None else f"a limit of {rate} bytes per second"
    return f"the site's schedule {'holds from now on' if changed else 'held already'}: {limit} at this moment", Nothing()
