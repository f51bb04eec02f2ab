"""What the gateway does with a status, in one call."""

from secondsite.vault.fleet.status_intake import StatusIntake
from secondsite.wire.control import FullReportRequest, Status


class Intake(StatusIntake):
    def status(self, appliance_id: str, status: Status) -> FullReportRequest | None:
        """Hear it, write it and tell of it at once."""
        again = self.hear(appliance_id, status)
        try:
            written = self.write()
        except Exception:
            self.missed(appliance_id)  # what was to be asked for is not asked
            raise
        for key in written.signals:
            self._signals(key)
        return again
