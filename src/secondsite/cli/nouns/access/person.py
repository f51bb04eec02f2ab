"""secondsite person ..."""

from typing import Annotated

import typer

from ....domain.access.roles import Role
from ....wire import rest
from ... import output, risk
from ...former_words import Noun
from ...options import Json, connect
from ...output import clock

app = typer.Typer(cls=Noun, no_args_is_help=True, help="People: who logs in with a name, and may do what.")
Name = Annotated[str, typer.Argument(help="Name of the person.", metavar="NAME", show_default=False)]
Roles = Annotated[
    list[Role],
    typer.Option(
        "--role",
        help="What the person is; repeat it. Readers see, operators fail over, contributors do all but "
        "manage access.",
    ),
]
OnlySite = Annotated[
    str | None,
    typer.Option("--site", help="Only machines and settings of this site; else of the whole vault."),
]


def _standing(person: rest.Person) -> str:
    if person.disabled_at is not None:
        return "disabled"
    if person.provider is not None:
        return f"provider {person.provider}"
    if person.has_password:
        return "password and code" if person.has_second_factor else "password"
    return "has to choose a password"


COLUMNS: tuple[output.Column, ...] = (
    ("name", lambda p: p.name),
    ("roles", lambda p: ", ".join(p.roles)),
    ("scope", lambda p: f"site {p.site}" if p.site else "the whole vault"),
    ("logs in with", _standing),
    ("last log-in", lambda p: clock(p.last_login_at)),
    ("from", lambda p: p.last_address),
    ("open link until", lambda p: clock(p.link_until)),
    ("link by", lambda p: p.link_way),
)


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All people: who may do what, and when they were here last."""
    with connect(context) as vault:
        people = vault.people.list()
    if as_json:
        output.show_json(people)
        return
    output.show_table(people, COLUMNS, "No people: secondsite person create NAME --role reader")


@app.command()
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """One person."""
    with connect(context) as vault:
        person = vault.people[name].show()
    _show(person, as_json)


@app.command()
def create(
    context: typer.Context, name: Name, role: Roles, site: OnlySite = None, as_json: Json = False
) -> None:
    """Make a person, who chooses a password by a link. It is shown once, and counts once within three
    days."""
    with connect(context) as vault:
        made, url = vault.people.create(name, *role, site=site), vault.url
    show_link(made, url, as_json)


@app.command("set")
def set_role(
    context: typer.Context, name: Name, role: Roles, site: OnlySite = None, as_json: Json = False
) -> None:
    """Set what a person may do, all of it anew. The person's sessions end."""
    with connect(context) as vault:
        person = vault.people[name].change(*role, site=site)
    _show(person, as_json)


@app.command()
def reset_password(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """End a person's password and sessions; by the link that is shown the person chooses another."""
    with connect(context) as vault:
        made, url = vault.people[name].reset_password(), vault.url
    show_link(made, url, as_json)


@app.command()
def reset_second_factor(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """End a person's second factor and sessions: for whoever lost the app and the codes for recovery."""
    with connect(context) as vault:
        person = vault.people[name].reset_second_factor()
    _show(person, as_json)


@app.command()
def disable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a person log in no more; sessions and links end."""
    with connect(context) as vault:
        person = vault.people[name].disable()
    _show(person, as_json)


@app.command()
def enable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a person log in again, with the password of before."""
    with connect(context) as vault:
        person = vault.people[name].enable()
    _show(person, as_json)


@app.command()
def delete(context: typer.Context, name: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a person. Sessions end."""
    risk.accept_deletion("person", name, yes)
    with connect(context) as vault:
        vault.people[name].delete()
    output.show_deleted("person", name, as_json)


@app.command()
def require_second_factor(
    context: typer.Context,
    off: Annotated[bool, typer.Option("--off", help="Need none any more.")] = False,
    as_json: Json = False,
) -> None:
    """Need a second factor for roles above reader, of whoever logs in with a password. Who has none may only
    read until it is set up."""
    with connect(context) as vault:
        settings = vault.people.require_second_factor(not off)
    show_settings(settings, as_json)


@app.command()
def settings(context: typer.Context, as_json: Json = False) -> None:
    """What a log-in needs."""
    with connect(context) as vault:
        show_settings(vault.people.settings(), as_json)


def show_settings(settings: rest.LogInSettings, as_json: bool) -> None:
    if as_json:
        output.show_json(settings)
        return
    needed = "roles above reader" if settings.second_factor else "nobody"
    output.show_facts((("second factor needed for", needed),))


def show_link(made: rest.NewLink, url: str, as_json: bool) -> None:
    """Print a link that lets in once."""
    if as_json:
        output.show_json(made)
        return
    output.show_facts(
        (
            ("name", made.name),
            ("link", f"{url.rstrip('/')}/console/#link={made.link}"),
            ("code", made.link),
            ("counts until", clock(made.until)),
        )
    )
    output.say("Shown once, and counts once. Give it to the person by a way that nobody else reads.")


def _show(person: rest.Person, as_json: bool) -> None:
    if as_json:
        output.show_json(person)
        return
    output.show_facts([(name, of(person)) for name, of in COLUMNS])
