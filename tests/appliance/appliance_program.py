"""One appliance as a process of its own: `python appliance_program.py HOME ROOT`, until SIGTERM."""

import signal
import sys
import threading
from pathlib import Path

from secondsite.appliance.appliance import Appliance
from secondsite.appliance.config import ApplianceConfig
from secondsite.fabrics.simulated import open_fabric


def main():
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    appliance = Appliance(ApplianceConfig.load(Path(sys.argv[1])), open_fabric(Path(sys.argv[2])))
    appliance.run(ended)


if __name__ == "__main__":
    main()
