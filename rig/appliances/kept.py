"""An appliance process that is started again whenever it dies, as an init system does; it takes orders of
a TinyVault."""

import subprocess
import threading

from rig.appliances.simulated_site import SimulatedSite
from rig.appliances.site_process import PROGRAM
from rig.appliances.tiny_vault import TinyVault
from rig.asked import AskedProcess
from rig.eventually import eventually
from secondsite.appliance.target import store_daemon
from secondsite.ground import seams, threads

END_SECONDS = 20


class DidNotEnd(Exception):
    """A process that was asked to end went on."""


class Kept:
    """Runs a site whose appliance was not started otherwise; `deaths` counts."""

    def __init__(self, site: SimulatedSite, vault: TinyVault) -> None:
        site.config.model_copy(update={"control_url": vault.url}).save()
        self.site = site
        self.deaths = 0
        self._seam_file = site.folder / "seam"
        self._ended = threading.Event()
        self._process = self._spawn()
        self._keeper = threads.worker(f"keeper of {site.appliance_id}", self._keep)
        self._keeper.start()

    def kill(self) -> None:
        """kill -9; returns when the next process is started."""
        deaths = self.deaths
        self._process.kill()
        eventually(lambda: self.deaths > deaths)

    def die_at(self, reach: int, seam: str = "") -> None:
        """It dies at that many seams from now, or reaches of this one."""
        seams.order(self._seam_file, reach, seam=seam)

    def end(self) -> None:
        """Raises DidNotEnd, with what its threads were doing, when it had to be killed."""
        self._ended.set()
        self._seam_file.unlink(missing_ok=True)
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise DidNotEnd(f"{self.site.appliance_id}: {self._process.abort()}") from late
        self._keeper.join(5)
        # killed on its way out, it leaves its storage daemon to its next start
        last = store_daemon.daemon_of(self.site.config.store)
        last.start()
        last.stop()

    def _spawn(self) -> AskedProcess:
        arguments = [self.site.config.home, self.site.root]
        environment = {seams.ENVIRONMENT: str(self._seam_file)}
        return AskedProcess(PROGRAM, arguments, self.site.folder / "process.log", environment=environment)

    def _keep(self) -> None:
        while not self._ended.is_set():
            self._process.wait()
            self._process.close()
            if not self._ended.is_set():
                self.deaths += 1
                self._process = self._spawn()
