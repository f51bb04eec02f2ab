"""Whether any machine would start at an appliance's host, or could be viewed there, before one is
protected."""

from .....wire.control.orders import CHECK_HOST, Nothing
from .....wire.rest.preflights import ApplianceCheck
from ...parts import Parts
from ...shared.answered_order import ask_and_wait
from .. import appliances
from . import appliance_checks


class HostChecks:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of(self, name_or_id: str) -> ApplianceCheck:
        """The check of an appliance. Raises NotFound, ApplianceUnreachable, DeadlineExceeded."""
        with self._parts.store.reading() as tx:
            appliance = appliances.existing(self._parts, tx, name_or_id)
        (found,) = ask_and_wait(self._parts, [appliance], CHECK_HOST, Nothing(), appliance_checks.SECONDS)
        tried = (("a start", found.start_seconds), ("a view", found.view_seconds))
        return ApplianceCheck(
            appliance=appliance.name,
            site=appliance.site,
            ready=not any(each.blocking for each in found.obstacles),
            obstacles=tuple(appliance_checks.at(appliance.site, found)),
            tried=tuple(f"tried: {what} in {took:.1f} s" for what, took in tried if took is not None),
            checked_at=self._parts.now(),
        )
