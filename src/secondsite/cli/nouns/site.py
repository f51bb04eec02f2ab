"""secondsite site ..."""

from typing import Annotated

import typer

from ...wire.bandwidth import BandwidthShape
from ...wire.places import SiteShape
from .. import amounts, output
from ..options import Json, connect

app = typer.Typer(no_args_is_help=True, help="Sites: places with hypervisors.")
SiteName = Annotated[
    str,
    typer.Argument(help="Name of the site: lower case, digits, dashes.", metavar="SITE", show_default=False),
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All sites."""
    with connect(context) as client:
        sites = client.sites()
        names = {each.id: each.name for each in client.appliances()}
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
        "No sites yet: secondsite site add NAME",
    )


@app.command()
def add(context: typer.Context, name: SiteName, as_json: Json = False) -> None:
    """A new site; enroll its appliance next."""
    with connect(context) as client:
        site = client.add_site(name)
    if as_json:
        output.show_json(site)
    else:
        output.say(f"site {name} added; next: secondsite appliance key --site {name}")


@app.command()
def limit(
    context: typer.Context,
    name: SiteName,
    rate: Annotated[
        str | None, typer.Option(help="100MB, 200Mbit, unlimited, ...: what holds by default.")
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            help="'mon-fri 08:00-18:00 20MB': another rate then; the first that fits holds. Repeat it."
        ),
    ] = None,
    utc_offset: Annotated[str, typer.Option(help="The site's clocks, minutes from UTC: +60.")] = "0",
    as_json: Json = False,
) -> None:
    """How fast the site may send. With a rate or windows it replaces the whole schedule, else it shows it."""
    with connect(context) as client:
        if rate is None and not window:
            site = client.site(name)
        else:
            site = client.limit_site(name, _schedule(rate, window or [], utc_offset))
    if as_json:
        output.show_json(site)
    else:
        output.show_facts(_schedule_facts(site))


def _schedule(rate: str | None, windows: list[str], utc_offset: str) -> BandwidthShape:
    return BandwidthShape(
        bytes_per_second=amounts.rate(rate or amounts.UNLIMITED),
        windows=tuple(amounts.window(each) for each in windows),
        utc_offset_minutes=amounts.utc_offset(utc_offset),
    )


def _schedule_facts(site: SiteShape) -> list[tuple[str, object]]:
    return [
        ("site", site.name),
        ("may send now", amounts.shown_rate(site.bytes_per_second_now)),
        ("by default", amounts.shown_rate(site.bandwidth.bytes_per_second)),
        *(("window", amounts.shown_window(each)) for each in site.bandwidth.windows),
        ("times are", amounts.shown_offset(site.bandwidth) if site.bandwidth.windows else None),
    ]


def _limit(site: SiteShape) -> str:
    """Nothing where there is no limit at any time."""
    if site.bandwidth == BandwidthShape():
        return "-"
    windows = f" now, {len(site.bandwidth.windows)} windows" if site.bandwidth.windows else ""
    return amounts.shown_rate(site.bytes_per_second_now) + windows


@app.command()
def remove(context: typer.Context, name: SiteName, as_json: Json = False) -> None:
    """Removes a site that has no machines under protection."""
    with connect(context) as client:
        client.remove_site(name)
    output.show_removed("site", name, as_json)
