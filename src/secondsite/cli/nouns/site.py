"""secondsite site ..."""

import shlex
from collections.abc import Sequence
from typing import Annotated

import typer

from ...domain import amounts, errors, shell
from ...ground.plural import counted
from ...wire.common.bandwidth import BandwidthShape
from ...wire.common.disk_places import DiskFormat, DiskPlace
from ...wire.rest.places import Site, SitePair
from .. import disk_places, output, risk, schedules
from ..former_words import Noun
from ..options import Json, connect
from ..verbs import verifying
from . import appliance

app = typer.Typer(cls=Noun, no_args_is_help=True, help="Sites: places with hypervisors.")
SiteName = Annotated[
    str,
    typer.Argument(help="Name of the site: lower case, digits, dashes.", metavar="SITE", show_default=False),
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All sites."""
    with connect(context) as vault:
        sites = vault.sites.list()
        names = {each.id: each.name for each in vault.appliances}
    if as_json:
        output.show_json(sites)
        return
    output.show_table(
        sites,
        (
            ("name", lambda s: s.name),
            ("fabric", lambda s: s.fabric_kind),
            ("appliances", lambda s: ", ".join(names.get(each, each) for each in s.appliances)),
            ("may send", _limit),
        ),
        "No sites yet: secondsite site create NAME",
    )


@app.command()
def create(context: typer.Context, name: SiteName, as_json: Json = False) -> None:
    """Create a site; enroll its appliance next."""
    with connect(context) as vault:
        site = vault.sites.create(name)
    if as_json:
        output.show_json(site)
    else:
        output.say(
            f"site {name} created; next: secondsite appliance create-registration-key --site "
            f"{shlex.quote(name)}"
        )


@app.command()
def show(context: typer.Context, name: SiteName, as_json: Json = False) -> None:
    """A site, how fast it may send, the memory of its hosts, and the space in its stores."""
    with connect(context) as vault:
        site = vault.sites[name].show()
        here = [each for each in vault.appliances if each.site == name]
        pairs = [each for each in vault.pairs if name in (each.first, each.second)]
    others = [(f"with {_other(each, name)}", _said_of(each)) for each in pairs]
    spaces = [("stores of " + each.name, appliance.stores(each)) for each in here]
    memory = ("memory of all hosts", appliance.memory_of_all(here))
    _shown(site, as_json, [*spaces, memory, *others])


@app.command()
def pair(
    context: typer.Context,
    name: SiteName,
    other: Annotated[str, typer.Argument(help="Name of the other site.", metavar="SITE", show_default=False)],
    reverse_after_commit: Annotated[
        bool | None,
        typer.Option(
            help=(
                "Whether a machine that a planned failover moved between the two is protected back by itself "
                "once that is committed."
            ),
            show_default=False,
        ),
    ] = None,
    settle: Annotated[
        list[str] | None,
        typer.Option(
            help="Where the disks of a machine move by themselves that a commit has left at a site: "
            "SITE=PLACE, SITE=PLACE:raw or SITE=PLACE:raw:none, as of 'machine settle'; 'SITE=': nowhere.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show, or set, what holds between two sites, whichever way machines move."""
    with connect(context) as vault:
        found = vault.pairs.show(name, other)
        if reverse_after_commit is not None or settle:
            found = vault.pairs.set(
                name,
                other,
                reverse_after_commit=(
                    found.reverse_after_commit if reverse_after_commit is None else reverse_after_commit
                ),
                settle=_settling(found, settle or []),
                seen=found,
            )
    if as_json:
        output.show_json(found)
    else:
        output.show_facts([("sites", f"{found.first} and {found.second}"), ("after commit", _said_of(found))])


def _settling(pair: SitePair, given: Sequence[str]) -> dict[str, DiskPlace]:
    nowhere = [each.removesuffix("=") for each in given if each.endswith("=")]
    kept = {site: place for site, place in pair.settle.items() if site not in nowhere}
    named = [each for each in given if not each.endswith("=")]
    return kept | disk_places.places(named, DiskFormat.QCOW2, None, "--settle SITE")


@app.command()
def limit(
    context: typer.Context,
    name: SiteName,
    rate: Annotated[
        str | None, typer.Option(help="100MB/s, 200Mbit/s, unlimited, ...: what holds by default.")
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "'mon-fri 08:00-18:00 20MB/s': another rate at those times; the first window that fits "
                "holds. May be given several times."
            )
        ),
    ] = None,
    utc_offset: Annotated[
        str,
        typer.Option(help="The site's time zone, in minutes from UTC or in hours and minutes: +60, +01:00."),
    ] = "0",
    as_json: Json = False,
) -> None:
    """Set how fast the site may send from now on: replaces the whole schedule. 'site show' shows it."""
    if rate is None and not window:
        raise errors.InvalidArgument(
            "Neither a rate nor a window was given.",
            do=f"Add --rate or --window; 'secondsite site show {shell.arguments(name)}' shows what holds.",
        )
    with connect(context) as vault:
        site = vault.sites[name].limit(
            amounts.parse_rate(rate or amounts.UNLIMITED),
            windows=[schedules.window(each) for each in window or []],
            utc_offset_minutes=schedules.utc_offset(utc_offset),
        )
    _shown(site, as_json)


@app.command()
def verify(
    context: typer.Context,
    name: SiteName,
    every: Annotated[
        str,
        typer.Option(
            help="7d, 30d, ...: how often a point of each machine is booted; or never: on demand only."
        ),
    ] = "never",
    memory: Annotated[
        str | None,
        typer.Option(
            help="4GiB, ...: how much memory all copies have together; no limit if it is not given."
        ),
    ] = None,
    at_once: Annotated[int, typer.Option(help="How many copies run at once.")] = 1,
    hours: Annotated[
        str, typer.Option(help="22:00-06:00: when the schedule starts some, in UTC.")
    ] = "00:00-24:00",
    network: Annotated[
        verifying.CopyNetworkName,
        typer.Option(
            help=(
                "isolated: each copy has a network of its own, and ports and pages are checked; none: they "
                "are left out."
            )
        ),
    ] = verifying.CopyNetworkName.NONE,
    as_json: Json = False,
) -> None:
    """Set what the site gives to copies of recovery points that are booted only to be looked at, and how
    often: replaces all of it."""
    begins, ends = verifying.hours(hours)
    with connect(context) as vault:
        site = vault.sites[name].verify(
            every_days=verifying.days(every),
            at_once=at_once,
            memory_bytes=None if memory is None else amounts.parse_size(memory),
            begins=begins,
            ends=ends,
            network=verifying.network(network) or "none",
        )
    _shown(site, as_json)


def _shown(site: Site, as_json: bool, more: Sequence[tuple[str, object]] = ()) -> None:
    if as_json:
        output.show_json(site)
    else:
        output.show_facts([*_facts(site), *more])


def _facts(site: Site) -> list[tuple[str, object]]:
    return [
        ("site", site.name),
        ("fabric", site.fabric_kind),
        ("may send now", amounts.exact_rate(site.bytes_per_second_now)),
        ("by default", amounts.exact_rate(site.bandwidth.bytes_per_second)),
        *(("window", schedules.shown_window(each)) for each in site.bandwidth.windows),
        ("times are", schedules.shown_offset(site.bandwidth) if site.bandwidth.windows else None),
        ("points are booted", verifying.described(site.verification)),
    ]


def _other(pair: SitePair, name: str) -> str:
    return pair.second if pair.first == name else pair.first


def _said_of(pair: SitePair) -> str:
    """What follows a commit of a failover between the two sites."""
    reverses = (
        "protected back by itself after a planned failover"
        if pair.reverse_after_commit
        else "a person reprotects"
    )
    moves = (f"disks at {site} move to {disk_places.shown(place)}" for site, place in pair.settle.items())
    return "; ".join((reverses, *moves))


def _limit(site: Site) -> str:
    """The site's limit; empty if there is none at any time."""
    if site.bandwidth == BandwidthShape():
        return "-"
    count = len(site.bandwidth.windows)
    windows = f" now, {counted(count, 'window')}" if count else ""
    return amounts.exact_rate(site.bytes_per_second_now) + windows


@app.command()
def delete(context: typer.Context, name: SiteName, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a site that has no appliances and no machines under protection."""
    risk.accept_deletion("site", name, yes)
    with connect(context) as vault:
        vault.sites[name].delete()
    output.show_deleted("site", name, as_json)
