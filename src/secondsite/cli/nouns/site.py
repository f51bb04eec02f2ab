"""secondsite site ..."""

from typing import Annotated

import typer

from .. import output
from ..options import Json, connect

app = typer.Typer(no_args_is_help=True, help="Sites: places with hypervisors.")
SiteName = Annotated[
    str, typer.Argument(help="Name of the site: lower case, digits, dashes.", show_default=False)
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All sites."""
    with connect(context) as client:
        sites = client.sites()
    if as_json:
        output.show_json(sites)
        return
    output.show_table(
        sites,
        (
            ("name", lambda s: s.name),
            ("fabric", lambda s: s.fabric_kind),
            ("appliances", lambda s: ", ".join(s.appliances)),
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
        output.console.print(f"site {name} added; next: secondsite appliance key --site {name}")


@app.command()
def remove(context: typer.Context, name: SiteName) -> None:
    """Removes a site that has no machines under protection."""
    with connect(context) as client:
        client.remove_site(name)
    output.console.print(f"site {name} removed")
