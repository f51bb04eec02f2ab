"""Sites a and b, each an appliance process of its own, in a folder that goes with them."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from rig import processes
from rig.appliances.site_process import HERE, Place, SiteProcess


class TwoSites:
    """Both run inside the `with` block; nothing of them is left after it."""

    def __init__(self, places: Mapping[str, Place] | None = None) -> None:
        """`places`: where a site's processes run, by its name; on this host otherwise."""
        self._places = places or {}

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        ca = trustme.CA()
        self._made: list[SiteProcess] = []
        try:
            for name in ("a", "b"):
                self._made.append(SiteProcess(self.folder, name, ca, self._places.get(name, HERE)))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.a, self.b = self._made
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for site in self._made:
            site.close()
        # a site that had to be killed leaves its storage daemon
        processes.kill_folder(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
