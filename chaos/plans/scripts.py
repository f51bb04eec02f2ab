"""The script of the walks' plan: at both sites the same, it notes that it began, and for what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig import Rig
from rig.sites import SITES, SiteName

NAME = "note"
TEXT = """#!/bin/sh
context=$(cat | tr -d '\\n')
printf '%s\\n' "$context" >>{noted}
sleep 0.2
echo noted
"""


@dataclass(frozen=True, slots=True)
class Scripts:
    """Of both sites of a rig."""

    rig: Rig

    def furnish(self, site: SiteName) -> None:
        """The script, and where the appliance looks for it; before it starts."""
        folder = self.rig.home(f"appliance-{site}") / "scripts"
        folder.mkdir(mode=0o755)
        script = folder / NAME
        script.write_text(TEXT.format(noted=self._noted(site)))
        script.chmod(0o755)
        settings = self.rig.home(f"appliance-{site}") / "appliance.json"
        settings.write_text(json.dumps({**json.loads(settings.read_text()), "script_folder": str(folder)}))

    def ran(self) -> Iterator[tuple[str, int, str, str]]:
        """Run, group, when and action of each time that one began."""
        for site in SITES:
            if self._noted(site).exists():
                for line in self._noted(site).read_text().splitlines():
                    told = json.loads(line)
                    yield told["run"], told["group"], told["when"], told["action"]

    def _noted(self, site: str) -> Path:
        return self.rig.folder / f"noted-{site}"
