"""Take single files out of Debian packages without installing them.

Installing a kernel image would build an initramfs and rewrite the boot loader; all we want of it are a dozen
files.
"""

import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from guestkit import errors, programs

Wanted = Callable[[PurePosixPath], bool]


def archive() -> str:
    """The address from which this system's apt gets Debian's own packages."""
    told = programs.run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"])
    if not told.strip():
        raise errors.BuildFailed("apt knows no archive; run apt-get update")
    return told.split()[0]


def newest_kernel() -> str:
    """Name of the package that holds the kernel which `linux-image-cloud-amd64` stands for now: of the
    same source as Debian's usual one, without drivers of real hardware, and with ext4 built in. Under TCG
    its boot takes a fifth less."""
    return needed("linux-image-cloud-amd64", r"linux-image-\d\S+")


def needed(package: str, pattern: str) -> str:
    """Name of the package that `package` depends on, and that a pattern is for: such names change from
    release to release."""
    depends = programs.run(["apt-cache", "depends", package], within_seconds=60)
    found = re.search(rf"Depends: ({pattern})\n", depends)
    if found is None:
        raise errors.BuildFailed(
            f"apt knows no {pattern} that {package} needs; run apt-get update (or ./dev setup)"
        )
    return found.group(1)


def extract(package: str, wanted: Wanted, into: Path) -> list[Path]:
    """Download `package` and put its files that are `wanted` into `into`, flat, by their last name."""
    programs.run(["apt-get", "download", "-q", package], cwd=into)
    downloaded = next(into.glob("*.deb"), None)
    if downloaded is None:
        raise errors.BuildFailed(f"apt-get downloaded nothing for {package}; run apt-get update")
    extracted = [_write(into / name, content) for name, content in _files(downloaded, wanted)]
    downloaded.unlink()
    return extracted


def _files(package: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    with _contents(package) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            content = archive.extractfile(member) if member.isfile() and wanted(path) else None
            if content is not None:
                yield path.name, content.read()


@contextmanager
def _contents(package: Path) -> Iterator[IO[bytes]]:
    command = [str(programs.find("dpkg-deb")), "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking:
        assert unpacking.stdout is not None
        try:
            yield unpacking.stdout
        finally:
            unpacking.kill()


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
