"""Where this system's own packages come from, said for another release of the same Debian."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ASKED = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]


class NoSources(Exception):
    """This system's apt names no archive of the release that it runs; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """An archive: its address, the suite of it (`trixie`, `trixie-updates`), the component."""

    site: str
    suite: str
    component: str

    def __str__(self) -> str:
        return f"deb {self.site} {self.suite} {self.component}"


def of(wanted: str) -> list[Source]:
    """The main one of a release first, then its updates and its security updates, as far as this system
    has these. Raises NoSources."""
    here = codename()
    found = {
        Source(site, wanted + suite.removeprefix(here), component)
        for site, suite, component in _targets()
        if component == "main" and (suite == here or suite.startswith(f"{here}-"))
    }
    ordered = sorted(found, key=lambda source: (source.suite != wanted, source.suite))
    if not ordered or ordered[0].suite != wanted:
        raise NoSources(f"apt knows no archive of {here}, which this system runs. Next: apt-get update")
    return [each for each in ordered if not each.suite.endswith("-backports")]


def settings() -> str:
    """How apt reaches them, proxies and certificates, as apt's configuration says it."""
    dumped = subprocess.run(
        ["apt-config", "dump", "Acquire::http", "Acquire::https"], capture_output=True, text=True, check=True,
        timeout=30
    )  # fmt: skip
    return dumped.stdout


def _targets() -> Iterator[tuple[str, str, str]]:
    said = subprocess.run(ASKED, capture_output=True, text=True, check=True, timeout=60).stdout
    for line in said.splitlines():
        site, suite, component = line.rsplit(" ", 2)
        yield site.rstrip("/"), suite, component


def codename() -> str:
    """Of the release that this system runs."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"].strip('"')
