"""Files out of a recovery point: listed, and fetched into a folder of this host. A helper machine reads them,
never this host's kernel.

A fetch lies in a hidden folder beside its goal until it is whole. That folder is on record before it is made,
so what a killed process left is removed as the next one starts."""

import contextlib
import errno
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from ....datapath.replica import View
from ....domain import errors
from ....domain.amounts import size
from ....domain.machines import guest_paths
from ....ground import seams
from ....ground.durable import sync_folder
from ....ground.plural import counted
from ....wire.common.base import Shape
from ....wire.common.guest_files import FileKind, GuestFile, GuestFiles
from ....wire.control.guest_files import EndFetchFiles, FetchedFiles, FetchFiles, ListFiles
from ....wire.control.orders import Nothing
from ...helper import Export, Extracted, File, Reader, Volume, machine, reader
from ...target import HostedReplica
from ..context import ApplianceParts, Context
from . import copy_checks

IS_THERE = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
KEY, GIVEN_UP, DONE = "fetch/", "given-up-fetch/", "fetched/"
WAITS_SECONDS = 120.0
"""So long a fetch that is given up may take to see that, and to remove what it made."""
REMOVE_SECONDS = 1800.0
"""So long the removal of a fetch of millions of files may take."""
MOST_SHOWN = 200_000
"""Characters of names in one list: a report has its bounds."""
TELL_EVERY = 500
log = structlog.get_logger(__name__)
_changing = threading.Condition()
_under_way: set[str] = set()


class Note(Shape):
    """A fetch under way: the folder in which it lies until it is whole, and its inode once that was made."""

    part: str
    inode: int | None = None


class Fetched(Shape):
    """A fetch that got its name: of an order whose answer was lost, and which comes again."""

    inode: int
    facts: FetchedFiles


def list_files(context: Context, payload: ListFiles) -> tuple[str, GuestFiles]:
    """The files of a folder in the point; without a path its volumes. Raises NotFound, NotPossibleNow."""
    path = guest_paths.meant(payload.path)
    with _read(context, payload.point_id, lambda: False) as found:
        if not path:
            shown = tuple(_of_volume(found, each) for each in found.volumes())
            return f"{counted(len(shown), 'volume')}", GuestFiles(files=shown)
        after = b"/".join(guest_paths.meant(payload.after))
        files, more = found.files(path, after, payload.limit)
    answer = _bounded([_of_file(each) for each in files], more)
    return f"{counted(len(answer.files), 'file')}", answer


def fetch_files(context: Context, payload: FetchFiles) -> tuple[str, FetchedFiles]:
    """Write what the path names into the folder, where nothing of that name may be. After an error nothing is
    left of it. Raises NotFound, AlreadyExists, NotPossibleNow."""
    hosted, path = context.hosted(), guest_paths.meant(payload.path)
    goal = _goal(payload, path)
    if (done := _done(context, payload.fetch_id, goal)) is not None:
        return f"{goal} was fetched before", done
    _end_cut_off(context.parts, payload.fetch_id)
    copy_checks.require_folder(context, payload.folder)
    copy_checks.require_plain(hosted, payload.unencrypted)
    with _noted(context, payload, goal) as part:

        def given_up() -> bool:
            return _is_given_up(context, payload.fetch_id)

        with _read(context, payload.point_id, given_up) as found:
            seams.reach("appliance.fetch.reading")
            extracted = _extracted(context, found, path, part, goal)
        _require_wanted(context, payload.fetch_id)
        facts = _facts(extracted, goal)
        _named(context, payload.fetch_id, part / goal.name, facts)
    return f"{_told(extracted)} of {payload.point_id} lie in {goal}", facts


def _facts(extracted: Extracted, goal: Path) -> FetchedFiles:
    return FetchedFiles(
        place=str(goal),
        files=extracted.files,
        folders=extracted.folders,
        size_bytes=extracted.size_bytes,
        left_out=extracted.left_out,
    )


def end(context: Context, payload: EndFetchFiles) -> tuple[str, Nothing]:
    """Give up a fetch that is under way, was cut off, or waits for its turn. What was fetched to its end
    stays."""
    context.state.put_fact(GIVEN_UP + payload.fetch_id, "")
    with _changing:
        if not _changing.wait_for(lambda: payload.fetch_id not in _under_way, WAITS_SECONDS):
            raise errors.NotPossibleNow(
                f"The fetch did not end within {WAITS_SECONDS:.0f} s.", do="Retry: it is told to."
            )
    _end_cut_off(context.parts, payload.fetch_id)
    return "it is given up, and nothing of it stays", Nothing()


def remove_left_over(parts: ApplianceParts) -> None:
    """Remove what a killed process left of fetches. One that cannot be removed does not keep the others."""
    for fetch_id in [key.removeprefix(KEY) for key in parts.state.facts(KEY)]:
        with _changing:
            if fetch_id in _under_way:
                continue
            try:
                _end_cut_off(parts, fetch_id)
            except Exception as problem:
                log.warning("fetch.not-removed", fetch=fetch_id, problem=repr(problem))
            else:
                log.info("fetch.left-over-removed", fetch=fetch_id)


def _end_cut_off(parts: ApplianceParts, fetch_id: str) -> None:
    """Remove what is on record of a fetch."""
    text = parts.state.fact(KEY + fetch_id)
    if text is not None:
        _remove(Note.model_validate_json(text))
        parts.state.remove_fact(KEY + fetch_id)


def _remove(note: Note) -> None:
    """Remove the hidden folder, if it is still the one that was made, or was made and not noted yet."""
    part = Path(note.part)
    with contextlib.suppress(FileNotFoundError):
        if part.lstat().st_ino == note.inode:
            _delete(part)
        elif note.inode is None:
            part.rmdir()  # one that holds something is somebody else's


def _delete(part: Path) -> None:
    """Delete the folder with what a guest had in it. Raises OSError."""
    # Python's own removal calls itself for each folder in a folder: a guest with a thousand of them in one
    # another kept the appliance from starting.
    command = ["rm", "-rf", "--one-file-system", "--", str(part)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=REMOVE_SECONDS, check=False)
    except subprocess.TimeoutExpired as problem:
        raise OSError(f"{part} was not deleted within {REMOVE_SECONDS:.0f} s") from problem
    if done.returncode != 0:
        raise OSError(done.stderr.decode(errors="replace").strip()[:500])


# -- reading ---------------------------------------------------------------------------------------------


def _read(
    context: Context, point_id: str, given_up: Callable[[], bool]
) -> contextlib.AbstractContextManager[Reader]:
    return opened(context, point_id, lambda: given_up() or context.left_seconds() <= 0)


@contextlib.contextmanager
def opened(context: Context, point_id: str, is_cancelled: Callable[[], bool]) -> Iterator[Reader]:
    """A helper machine that reads the point; its disks stay as they are meanwhile. Raises NotPossibleNow."""
    hosted = context.hosted()
    hosted.record(point_id)
    _require_memory(context)
    with hosted.replica.view(point_id) as view:
        disks = [(key, Export(view.socket, name)) for key, name in view.exports.items()]
        root, accelerated = context.parts.config.kernel_root, context.fabric.properties.accelerated

        def cancelled() -> bool:
            return is_cancelled() or view.is_over()

        with (
            _told_of_a_commit(hosted, view),
            reader(root, disks, accelerated=accelerated, is_cancelled=cancelled) as found,
        ):
            yield found


@contextlib.contextmanager
def _told_of_a_commit(hosted: HostedReplica, view: View) -> Iterator[None]:
    try:
        yield
    except errors.NotPossibleNow as problem:
        if not view.is_over():
            raise
        raise errors.NotPossibleNow(
            f"The point was not read to its end: the failover of {hosted.setup.machine_name} was committed, "
            "which removes its points.",
            do="Look into the machine itself, or ask anew once it has points.",
        ) from problem


def _require_memory(context: Context) -> None:
    free = context.fabric.hosting.capacity().free_bytes
    if free < machine.TOTAL_BYTES:
        raise errors.NotPossibleNow(
            f"A helper machine takes up to {size(machine.TOTAL_BYTES)} of memory, and this host has "
            f"{size(free)} left.",
            do="Make room: shut a machine down here.",
        )


def _of_volume(found: Reader, volume: Volume) -> GuestFile:
    why_not = found.why_not(volume)
    label = f", label {volume.label}" if volume.label else ""
    about = f"{volume.kind}{label}{f': {why_not}' if why_not else ''}"
    return GuestFile(
        name=guest_paths.shown(volume.name),
        kind=FileKind.VOLUME,
        size_bytes=volume.size_bytes,
        about=about[:255],
    )


def _of_file(file: File) -> GuestFile:
    return GuestFile(
        name=guest_paths.shown(file.name),
        kind=file.kind,
        size_bytes=file.size_bytes,
        permissions=file.mode,
        modified_at=file.modified_at,
    )


def _bounded(files: list[GuestFile], more: bool) -> GuestFiles:
    length = 0
    for count, file in enumerate(files):
        length += len(file.name)
        if length > MOST_SHOWN:
            return GuestFiles(files=tuple(files[:count]), more=True)
    return GuestFiles(files=tuple(files), more=more)


# -- fetching --------------------------------------------------------------------------------------------


def _goal(payload: FetchFiles, path: tuple[bytes, ...]) -> Path:
    """Where it will lie: by the last name of the path, as it is shown, so that it can be typed."""
    require_volume(path)
    name = guest_paths.shown(path[-1])
    if len(os.fsencode(name)) > 240 or name.startswith("-"):
        name = "fetched"
    return Path(payload.folder) / name


def require_volume(path: tuple[bytes, ...]) -> None:
    """Raises InvalidArgument for the empty path."""
    if not path:
        raise errors.InvalidArgument(
            "The path names no volume.",
            do="Begin it with one: 'secondsite point list-files MACHINE POINT' lists them.",
        )


@contextlib.contextmanager
def _noted(context: Context, payload: FetchFiles, goal: Path) -> Iterator[Path]:
    """The hidden folder for a fetch, which is on record until it is removed, with whatever happens."""
    key = KEY + payload.fetch_id
    note = Note(part=str(goal.with_name(f".{goal.name}.part")))
    part = Path(note.part)
    with _changing:
        _require_wanted(context, payload.fetch_id)
        _require_new(context, goal, part)
        context.state.put_fact(key, note.model_dump_json())
        _under_way.add(payload.fetch_id)
    try:
        _make(part)
        note = note.model_copy(update={"inode": part.lstat().st_ino})
        context.state.put_fact(key, note.model_dump_json())
        seams.reach("appliance.fetch.noted")
        yield part
    finally:
        try:
            _remove(note)
            context.state.remove_fact(key)
        except Exception as problem:  # then the record stays, for whoever ends it
            log.warning("fetch.not-removed", fetch=payload.fetch_id, problem=repr(problem))
        finally:
            with _changing:
                _under_way.discard(payload.fetch_id)
                _changing.notify_all()


def _make(part: Path) -> None:
    try:
        part.mkdir(mode=0o700)
    except OSError as problem:
        raise errors.NotPossibleNow(
            f"No folder can be made in {part.parent}: {problem.strerror}.", do="Give another folder."
        ) from problem


def _require_new(context: Context, goal: Path, part: Path) -> None:
    for text in context.state.facts(KEY).values():
        if Note.model_validate_json(text).part == str(part):
            raise errors.AlreadyExists(f"{goal} is being fetched.", do="Give another folder.")
    for each in (goal, part):
        if os.path.lexists(each):
            raise _is_there(each)


def _is_there(place: Path) -> errors.AlreadyExists:
    return errors.AlreadyExists(
        f"{place} is there already, and is not overwritten.",
        do="Give another folder, or remove it if nobody needs it.",
    )


def _require_wanted(context: Context, fetch_id: str) -> None:
    if _is_given_up(context, fetch_id):
        raise errors.NotPossibleNow("It was given up while it was fetched.", do="Ask for it anew.")


def _is_given_up(context: Context, fetch_id: str) -> bool:
    return context.state.fact(GIVEN_UP + fetch_id) is not None


def _extracted(context: Context, found: Reader, path: tuple[bytes, ...], part: Path, goal: Path) -> Extracted:
    most_bytes = max(0, copy_checks.free_bytes(str(part)) - copy_checks.SPARE_BYTES)

    def told(files: int, size_bytes: int) -> None:
        if files % TELL_EVERY == 0:
            context.progress(0.5, f"{counted(files, 'file')}, {size(size_bytes)}")

    into = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return found.fetch(path, into, goal.name, most_bytes, told)
    except OSError as problem:
        raise errors.NotPossibleNow(
            f"It cannot be written to {part.parent}: {problem.strerror}; nothing of it is left.",
            do="Make room there, or give another folder.",
        ) from problem
    finally:
        os.close(into)


def _named(context: Context, fetch_id: str, part: Path, facts: FetchedFiles) -> None:
    """Give it its name. A file gets it by a link, which replaces nothing; a folder replaces an empty one at
    most."""
    goal = Path(facts.place)
    for other in context.state.facts(DONE):
        context.state.remove_fact(other)
    done = Fetched(inode=part.lstat().st_ino, facts=facts)
    context.state.put_fact(DONE + fetch_id, done.model_dump_json())
    try:
        if part.is_dir() and not part.is_symlink():
            part.rename(goal)
        else:
            os.link(part, goal, follow_symlinks=False)
    except OSError as problem:
        if problem.errno not in IS_THERE:
            raise
        raise _is_there(goal) from problem
    sync_folder(goal.parent)
    seams.reach("appliance.fetch.named")


def _done(context: Context, fetch_id: str, goal: Path) -> FetchedFiles | None:
    """What was fetched, if it is there under its name."""
    text = context.state.fact(DONE + fetch_id)
    if text is None:
        return None
    done = Fetched.model_validate_json(text)
    with contextlib.suppress(FileNotFoundError):
        return done.facts if goal.lstat().st_ino == done.inode else None
    return None


def _told(extracted: Extracted) -> str:
    left_out = extracted.left_out
    beside = f" ({counted(left_out, 'device or pipe', 'devices or pipes')} left out)" if left_out else ""
    return f"{counted(extracted.files, 'file')}, {size(extracted.size_bytes)}{beside},"
