"""Walks the rows of the page about dead sites: machines of a vault over real appliances, and what an
operator types."""

import contextlib
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

from rig import images
from secondsite.domain.health import SILENT_SECONDS
from secondsite.domain.lifecycle import State, Verb
from secondsite.fabrics.interface import PowerState
from tests.vault.real_sites import support_adopting as adopting
from tests.vault.real_sites import support_rows as rows
from tests.vault.real_sites import support_states as states
from tests.vault.real_sites.support_real_sites import BLOCK, NEW, opened
from tests.vault.support_operations import folder_in_memory

WORLDS = ("site a", "site b", "database a", "database b", "vault", "every vault", "hardware a")
START = "start it at "
DATABASES = (rows.SOURCE_DATABASE, rows.TARGET_DATABASE)
ALSO_BY_POINTS = {Verb.CHANGE_RECOVERY_POINT}
"""Offered while the target keeps more than one."""
MAY_COME_TOO = frozenset({"checked-with-warnings", "not-protected", "peer-unreachable", "resynchronizing"})
"""Of the moment: a link that is tried again, a comparison that has begun. And what is said of each machine
that waits for its reprotect."""


def loss(row):
    """What befell the world that the row is walked in."""
    if row.lost in (rows.VAULT, rows.NEW_VAULT):
        return "vault" if row.lost == rows.VAULT else "every vault"
    if row.lost == rows.NEW_HARDWARE:
        return f"hardware {row.site}"
    return f"{'database' if row.lost in DATABASES else 'site'} {row.site}"


def of_the_world(lost):
    """The rows that are walked where this was lost."""
    return [row for row in rows.ROWS if loss(row) == lost]


@contextlib.contextmanager
def furnished():
    """Machines in all states, kept as they are: what is lost befalls a copy."""
    with folder_in_memory() as folder:
        (Path(folder) / "now").mkdir()
        with opened(Path(folder) / "now", states.NAMES) as verbs:
            states.furnish(verbs)
            verbs.keep()
            yield verbs


def lose(verbs, lost):
    """In the furnished world, whatever was lost in it before."""
    verbs.go_back()
    kind, _, site = lost.partition(" ")
    if site == "vault":
        adopting.lose_vault_for_good(verbs)
    elif kind == "vault":
        verbs.lose_vault()
    else:
        losses = {
            "site": verbs.lose_site,
            "database": verbs.lose_database,
            "hardware": verbs.replace_hardware,
        }
        losses[kind](site)
    verbs.clock.pass_by(SILENT_SECONDS + 5)
    verbs.lost = lost


def walk(world, row):
    """Everything that the row says."""
    shown = seen(world, row)
    offered = set(shown.allowed_operations) - rows.BESIDE
    assert offered | ALSO_BY_POINTS == set(row.offers) | ALSO_BY_POINTS
    for command in row.way:
        job = take(world, row.name, command.replace("SOURCE", row.sites[0]), row.site)
        assert job is None or job.job.state == "succeeded", f"{command}: {job.job.error}"
    ended_well(world, row)


def take(verbs, name, command, lost):
    """A command as the page tells it, with LOST for the site that is gone and POINT for what a finding
    names, or an act of the owner; the job's tree, None for an act. Raises what is refused."""
    if command.startswith(START):
        _start(verbs, name, command.removeprefix(START))
        return None
    if "POINT" in command:
        (found,) = re.findall(r"--point (\S+)'", " ".join(each.what for each in verbs.shown(name).findings))
        command = command.replace("POINT", found)
    first, *words = shlex.split(command.replace("LOST", lost or "?").replace("NEW", NEW))
    given = zip(words[::2], words[1::2], strict=True)
    options = {word.removeprefix("--").replace("-", "_"): value for word, value in given}
    return verbs.run(Verb(first.replace("-", "_")), name, **options)


def _start(verbs, name, site):
    """As its owner, the one machine of that name there; nobody forbids it."""
    fabric = verbs.site(site).fabric
    (found,) = [each for each in fabric.inventory.list() if each.name == name]
    assert found.power is PowerState.OFF
    fabric.power.start(found.fabric_id)


def seen(world, row):
    """The machine with the row's findings, which come within seconds, and no others."""

    def codes():
        return {each.code for each in world.shown(row.name).findings}

    def shows():
        return codes() - MAY_COME_TOO == set(row.shows) - MAY_COME_TOO

    in_time = world.pass_time(60, shows)
    shown = world.shown(row.name)
    assert in_time, f"{[(each.code, each.what) for each in shown.findings]}, not {row.shows}"
    return shown


def ended_well(world, row):
    assert world.state(row.name) is row.ends
    place = {rows.AT_SOURCE: row.sites[0], rows.AT_TARGET: row.sites[1]}.get(row.runs)
    assert [letter for letter, _ in world.copies(row.name)] == ([place] if place else [])
    if place:
        assert set(row.keeps) <= set(world.written(row.name))
    else:
        assert points_that_stay(world, row)
    if row.ends is State.PROTECTED:
        now = datetime.now(UTC)
        assert world.pass_time(300, lambda: newest(world, row.name) > now), "replication does not go on"


def newest(world, name):
    points = world.shown(name).points
    return points.newest.taken_at if points.newest else datetime.min.replace(tzinfo=UTC)


def points_that_stay(world, row):
    """Whether one that is left in the target's store holds what was sent."""
    block = bytes([states.BEFORE]) * BLOCK
    for replica in (world.site(row.sites[1]).config.store / "replicas").iterdir():
        for point in sorted((replica / "points").glob("*.json")):
            content = images.raw(images.point_disks(replica, point.stem)["vda"])
            if f'"{row.name}"' in point.read_text() and content[BLOCK : 2 * BLOCK] == block:
                return True
    return False
