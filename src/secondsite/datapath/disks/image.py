"""Disk image files through qemu-img: create, look, grow, merge, check. Every call has a deadline.

Backing files are named relative to the file that names them, so that a store can be moved or mounted
elsewhere; their format is always given, because a guest could forge a probed one.

An encrypted image is LUKS inside qcow2. Its key reaches QEMU as the name of a file, never on a command line.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...ground import full_disk
from .. import errors
from ..encryption import EncryptionKey
from ..extents import BLOCK_BYTES
from .network_disk import NetworkDisk

# Without the hint QEMU has XFS take 1 MiB for each page of a layer that is written: 15 times as much as
# scattered writes need.
OVERLAY_OPTIONS = "compat=1.1,cluster_size=128k,extended_l2=on,extent_size_hint=0"
# Key stretching makes a weak passphrase expensive to guess. Ours has 256 random bits, and each opening of
# each file of a chain would pay for it: hence the least that QEMU allows.
KEY_STRETCHING = "encrypt.iter-time=1"
QUICK_SECONDS = 60.0
RESIZE_SECONDS = 600.0
MERGE_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One file of a chain. `backing` is the path as resolved by qemu-img, None at the chain's end."""

    path: Path
    image_format: str
    size_bytes: int
    stored_bytes: int
    backing: Path | None
    bitmaps: tuple[str, ...]
    others: tuple[Path, ...] = ()
    """Further files with its data: extents of a vmdk, the data file of a qcow2."""
    encrypted: bool = False


def create(path: Path, size_bytes: int, key: EncryptionKey | None = None) -> None:
    """Create an empty qcow2 file; an existing one is overwritten. With `key` it is encrypted, which takes
    seconds of processor time (see luks_blank)."""
    options, secret = OVERLAY_OPTIONS, secret_arguments(key)
    if key is not None:
        options += f",encrypt.format=luks,encrypt.key-secret={key.name},{KEY_STRETCHING}"
    run("create", "-q", *secret, "-f", "qcow2", "-o", options, _name(path), str(size_bytes), about=path)


def create_overlay(
    path: Path, backing: Path, backing_format: str, size_bytes: int, *, relative: bool = True
) -> None:
    """A qcow2 overlay of `size_bytes` whose unwritten parts read from `backing`.

    Pass `relative=False` for a backing file that stays when the overlay's folder moves.
    """
    named = backing_name(path, backing) if relative else str(backing.absolute())
    run(
        "create", "-q", "-f", "qcow2", "-o", OVERLAY_OPTIONS,
        "-u", "-b", named, "-F", backing_format, _name(path), str(size_bytes), about=path,
    )  # fmt: skip


def convert(raw: Path, path: Path) -> None:
    """Write what a raw file holds to a qcow2 file, thin; an existing one is overwritten."""
    options = ("-f", "raw", "-O", "qcow2", "-o", OVERLAY_OPTIONS)
    run("convert", "-q", *options, str(raw), _name(path), about=path)


def backing_name(path: Path, backing: Path) -> str:
    """How `path` names its backing file: relative to its own folder, absolute when they share only the
    root."""
    here, there = path.absolute().parent, backing.absolute()
    if os.path.commonpath([here, there]) == "/":
        return str(there)
    relative = os.path.relpath(there, here)
    return f"./{relative}" if ":" in relative else relative


def chain(path: Path, image_format: str | None = None) -> list[ImageFacts]:
    """The file, whose format is probed unless it is given, and all that it reads from, top first; raises
    ImageProblem when a link is missing.

    Also reads files that another process writes: use only sizes and links (P4).
    """
    given = ["-f", image_format] if image_format else []
    text = run("info", "--output=json", "--backing-chain", "-U", *given, _name(path), about=path)
    return [_facts(entry) for entry in json.loads(text)]


def look(path: Path, image_format: str | None = None, *, written: bool = False) -> ImageFacts:
    """Look at one file, whose format is probed unless it is given; its backing file is named, not opened.
    Raises ImageProblem, also if another program writes the file. With `written` another program may: then use
    only format, size and links (P4)."""
    given = [*(["-f", image_format] if image_format else []), *(["-U"] if written else [])]
    return _facts(json.loads(run("info", "--output=json", *given, _name(path), about=path)))


def beginning(path: Path, image_format: str, length: int) -> bytes:
    """The first bytes of what an image holds, which another program may be writing: use them only as a hint
    (P4). Raises ImageProblem."""
    with TemporaryDirectory(prefix="secondsite-") as folder:
        out = Path(folder) / "beginning"
        given = ("-f", image_format, "-O", "raw", f"bs={length}", "count=1")
        run("dd", "-U", *given, f"if={_name(path)}", f"of={out}", about=path)
        return out.read_bytes()[:length]


def commit(top: Path, base: Path | None = None, deadline_seconds: float = MERGE_SECONDS) -> None:
    """Write what `top` holds above `base` (default: its direct backing file) into that file; for plain
    images.

    An interrupted commit can be repeated: until it is done, `top` still hides every block that is written.
    """
    arguments = ["commit", "-q", "-d", "-f", "qcow2"]
    if base is not None:
        arguments += ["-b", backing_name(top, base)]
    run(*arguments, _name(top), about=top, deadline_seconds=deadline_seconds)


def resize(
    path: Path, size_bytes: int, key: EncryptionKey | None = None, *, with_backing: bool = True
) -> None:
    """Make an image that nobody has open larger or smaller; data beyond the new end is lost. It costs a table
    for each GiB: see `resizing`. Without `with_backing`, what is added shows the backing file."""
    named = opened(path, key, with_backing=True) if with_backing else _alone(path, key)
    run("resize", "-q", "--shrink", *named, str(size_bytes), about=path, deadline_seconds=RESIZE_SECONDS)


def write_zeros(path: Path, offset: int, length: int, key: EncryptionKey | None = None) -> None:
    """Write zeros into an image that nobody has open; they hide the backing file's content there."""
    run(
        "-c",
        f"write -z {offset} {length}",
        *opened(path, key, with_backing=True),
        about=path,
        program="qemu-io",
    )


def rebase(
    path: Path, backing: Path, backing_format: str, key: EncryptionKey | None = None, *, relative: bool = True
) -> None:
    """Make `path` name another backing file with the same content; no data moves."""
    named = backing_name(path, backing) if relative else str(backing.absolute())
    run("rebase", "-q", "-u", "-F", backing_format, "-b", named, *opened(path, key), about=path)


def check(path: Path, repair_leaks: bool = False, key: EncryptionKey | None = None) -> None:
    """Raises ImageProblem when the file's own tables are corrupt; leaked clusters are not corruption."""
    repair = ["-r", "leaks"] if repair_leaks else []
    run("check", "-q", *repair, *opened(path, key), about=path, allowed=(0, 3), deadline_seconds=3600)


def add_bitmap(path: Path, name: str, key: EncryptionKey | None = None) -> None:
    """Begin a bitmap in a file that nobody has open: it records from now on."""
    run("bitmap", "--add", "-g", str(BLOCK_BYTES), *opened(path, key), name, about=path)


def remove_bitmap(path: Path, name: str, key: EncryptionKey) -> None:
    """Take a bitmap, usable or broken, out of an encrypted file that nobody has open."""
    run("bitmap", "--remove", *opened(path, key), name, about=path)


def secret_arguments(key: EncryptionKey | None) -> list[str]:
    """Arguments that make the key known to a QEMU program under `key.name`; none without a key."""
    if key is None:
        return []
    return ["--object", f"secret,id={key.name},file={_comma_safe(key.path)}"]


def node_options(path: Path, key: EncryptionKey) -> dict[str, Any]:
    """Arguments of blockdev-add for an encrypted image and all below it, once QEMU knows `key`."""
    options: dict[str, Any] = {}
    for link in reversed(chain(path)):
        below, options = options, {"driver": link.image_format, "file": file_options(link.path)}
        if link.encrypted:
            options["encrypt"] = {"format": "luks", "key-secret": key.name}
        if below:
            options["backing"] = below
    return options


def at_rest_options(files: Sequence[ImageFacts], key: EncryptionKey | None, name: str) -> dict[str, Any]:
    """Arguments of blockdev-add for reading a chain, top first, that others may open for writing meanwhile.
    Each link is a node that `node_name` names. From the first link that is no file here, such as an export of
    another host, QEMU opens the rest by itself, as the headers say."""
    named = [*files[:1], *itertools.takewhile(_is_here, files[1:])]
    options: dict[str, Any] | None = None
    for depth, link in reversed(list(enumerate(named))):
        below = options
        options = {
            "driver": link.image_format, "file": file_options(link.path),
            "node-name": node_name(name, depth),
            "read-only": True, "force-share": True,
        }  # fmt: skip
        if link.encrypted and key is not None:
            options["encrypt"] = {"format": "luks", "key-secret": key.name}
        if link.image_format != "raw" and (below is not None or len(named) == len(files)):
            options["backing"] = below
    assert options is not None
    return options


def check_keeper(path: Path, size_bytes: int) -> None:
    """Raises ImageProblem when a keeper of bitmaps of a disk of that size is corrupt. QEMU reads what lies
    beyond its end as zeros, and then nothing was written."""
    data = {"driver": "null-co", "size": size_bytes}
    options = {"driver": "qcow2", "file": file_options(path), "data-file": data, "backing": None}
    run("check", "-q", f"json:{json.dumps(options)}", about=path, allowed=(0, 3))


def network_options(disk: NetworkDisk, name: str) -> dict[str, Any]:
    """Arguments of blockdev-add for reading a network disk that others may open for writing meanwhile."""
    return {
        "driver": "raw", "file": disk.options(), "node-name": name, "read-only": True, "force-share": True,
    }  # fmt: skip


def keeper_options(path: Path, data: str, name: str) -> dict[str, Any]:
    """Arguments of blockdev-add for a keeper of bitmaps, read; `data` is the node that it keeps them of. What
    the file itself names is not opened: a guest's QEMU wrote it."""
    return {
        "driver": "qcow2", "file": file_options(path), "data-file": data, "backing": None,
        "node-name": name, "read-only": True, "force-share": True,
    }  # fmt: skip


def _is_here(link: ImageFacts) -> bool:
    return os.path.isfile(link.path) or link.path.is_block_device()


def node_name(name: str, depth: int) -> str:
    """The node of a link in a chain that is served as `name`."""
    return f"{name}-{depth}" if depth else name


def marked_bytes(nodes: Iterable[Mapping[str, Any]], node: str, bitmap: str) -> int | None:
    """How much a bitmap of a node marks, from what query-named-block-nodes said; None if it is missing or
    in use."""
    bitmaps = next((each.get("dirty-bitmaps", ()) for each in nodes if each["node-name"] == node), ())
    for each in bitmaps:
        if each.get("name") == bitmap and each["recording"] and not each.get("inconsistent", False):
            return int(each["count"])
    return None


def file_options(path: Path) -> dict[str, Any]:
    """Arguments of blockdev-add for a file, or a block device, as bytes."""
    driver = "host_device" if path.is_block_device() else "file"
    return {"driver": driver, "filename": _name(path), "discard": "unmap"}


def opened(path: Path, key: EncryptionKey | None, *, with_backing: bool = False) -> list[str]:
    """Arguments that name an image to qemu-img. For an encrypted chain they give the key's name for each
    file."""
    if key is None:
        return ["-f", "qcow2", _name(path)]
    options = node_options(path, key)
    if not with_backing:
        options["backing"] = None
    return [*secret_arguments(key), f"json:{json.dumps(options)}"]


def _alone(path: Path, key: EncryptionKey | None) -> list[str]:
    """Arguments that name an image to qemu-img without opening its backing file."""
    if key is not None:
        return opened(path, key)
    return [f"json:{json.dumps({'driver': 'qcow2', 'file': file_options(path), 'backing': None})}"]


def run(
    *arguments: str, about: Path, deadline_seconds: float = QUICK_SECONDS, allowed: tuple[int, ...] = (0,),
    program: str = "qemu-img",
) -> str:  # fmt: skip
    """Run qemu-img or another program of QEMU; returns its output. Raises ImageProblem, StoreFull."""
    verb = f"{program} {arguments[0]}"
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=deadline_seconds, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise errors.ImageProblem(
            f"{program} is not installed.", do="Install Debian's qemu-utils."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise errors.ImageProblem(
            f"'{verb}' on {about} did not end within {deadline_seconds:.0f} s.",
            do="Check the store's disk for errors or load, then repeat.",
        ) from error
    if done.returncode not in allowed:
        raise problem(verb, about, done.stderr.strip() or done.stdout.strip())
    return done.stdout


def measured(make: Callable[[], None], tries: int = 20) -> None:
    """Call `make`, which has QEMU measure the processor; repeat it when QEMU gives up because it measured
    no time, as on a busy host."""
    for _ in range(tries - 1):
        try:
            make()
            return
        except errors.ImageProblem as problem:
            if "CPU usage" not in problem.message:
                raise
    make()


def problem(verb: str, path: Path | str, said: str) -> errors.DatapathError:
    """QEMU's message about an image, as an error with what to do."""
    if full_disk.is_said_in(said):
        return full_disk.store_full(f"No space left for '{verb}' on {path}: {said}")
    do = "Check the file with 'qemu-img check' and read the kernel's log for disk errors."
    if "lock" in said:
        do = "Another program has the image open: end it, then repeat."
    elif "No such file" in said:
        do = "A file of the chain is missing: restore it, or drop the replica and synchronize again."
    return errors.ImageProblem(f"'{verb}' failed on {path}: {said}", do=do)


def _name(path: Path) -> str:
    """The path as qemu takes it: 'a:b' would be a protocol, an absolute path is always a file."""
    return str(path.absolute())


def _comma_safe(path: Path) -> str:
    return str(path).replace(",", ",,")


def _facts(entry: dict[str, Any]) -> ImageFacts:
    data = entry.get("format-specific", {}).get("data", {})
    backing = entry.get("full-backing-filename")
    named = [data.get("data-file"), *(extent.get("filename") for extent in data.get("extents", ()))]
    return ImageFacts(
        path=Path(entry["filename"]),
        image_format=entry["format"],
        size_bytes=entry["virtual-size"],
        stored_bytes=entry.get("actual-size", 0),
        backing=Path(backing) if backing else None,
        bitmaps=tuple(bitmap["name"] for bitmap in data.get("bitmaps", ())),
        others=tuple(Path(name) for name in named if name),
        encrypted=bool(entry.get("encrypted")),
    )
