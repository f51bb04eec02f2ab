"""secondsite provider ..."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ....client import Vault
from ....client.connection import request
from ....domain import errors
from ....domain.access.roles import Role
from ....wire import rest
from ... import output, risk
from ...former_words import Noun
from ...options import Json, connect, secret_in

app = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Providers of OpenID Connect: who else says who somebody is."
)
Name = Annotated[str, typer.Argument(help="Name of the provider.", metavar="PROVIDER", show_default=False)]
ClientId = Annotated[
    str | None,
    typer.Option(help="What the provider calls this vault.", metavar="ID", show_default=False),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        help="File whose first line is the client's secret; '-': standard input.", show_default=False
    ),
]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        help="What a group may do; repeat it. The first that a person is in decides.",
        metavar="GROUP=ROLE[,ROLE][@SITE]",
        show_default=False,
    ),
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope", help="What it is asked to tell; repeat it.", show_default="openid, profile, groups"
    ),
]
GroupsClaim = Annotated[
    str | None,
    typer.Option(help="The claim that holds the groups.", metavar="CLAIM", show_default="groups"),
]
NameClaim = Annotated[
    str | None,
    typer.Option(
        help="The claim after which people are named.", metavar="CLAIM", show_default="preferred_username"
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        help="CA certificates of its server, if the vault's host does not trust it.", show_default=False
    ),
]
COLUMNS: tuple[output.Column, ...] = (
    ("name", lambda p: p.name),
    ("issuer", lambda p: p.issuer),
    ("client", lambda p: p.client_id),
    ("groups", lambda p: len(p.groups)),
)


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """The providers by way of which people log in."""
    with connect(context) as vault:
        found = vault.providers.list()
    if as_json:
        output.show_json(found)
        return
    output.show_table(found, COLUMNS, "No providers: secondsite provider create NAME --help")


@app.command()
def show(context: typer.Context, provider: Name, as_json: Json = False) -> None:
    """A provider, and what its groups may do. Its secret is not shown."""
    with connect(context) as vault:
        found, url = vault.providers[provider].show(), vault.url
    _show(found, url, as_json)


@app.command()
def create(
    context: typer.Context,
    provider: Name,
    issuer: Annotated[str, typer.Option(help="Its address, as it names itself.", metavar="URL")],
    client_id: Annotated[str, typer.Option(help="What the provider calls this vault.", metavar="ID")],
    secret_file: Annotated[
        Path, typer.Option(help="File whose first line is the client's secret; '-': standard input.")
    ],
    group: Groups = None,
    scope: Scopes = None,
    groups_claim: GroupsClaim = None,
    name_claim: NameClaim = None,
    ca_file: CaFile = None,
    as_json: Json = False,
) -> None:
    """Make a provider: the log-in shows it from now on. Who is in none of its groups that are named may not
    log in.

    Example: secondsite provider create staff --issuer https://login.example.org --client-id secondsite
    --secret-file secret --group dr-operators=operator --group dr-paris=reader,operator@paris
    """
    given = _given(
        issuer=issuer, client_id=client_id, groups=group, scopes=scope,
        groups_claim=groups_claim, name_claim=name_claim, ca_file=ca_file,
    )  # fmt: skip
    secret = secret_in(secret_file, "secret")
    with connect(context) as vault:
        made, url = vault.providers.create(provider, _settings({}, given), secret=secret), vault.url
    _show(made, url, as_json)
    if not as_json:
        output.say(f"next: secondsite provider test {shlex.quote(provider)}")


@app.command("set")
def change(
    context: typer.Context,
    provider: Name,
    client_id: ClientId = None,
    secret_file: SecretFile = None,
    group: Groups = None,
    scope: Scopes = None,
    groups_claim: GroupsClaim = None,
    name_claim: NameClaim = None,
    ca_file: CaFile = None,
    as_json: Json = False,
) -> None:
    """Change what is given of a provider; --group sets all groups anew. Who came from it has to log in
    again."""
    given = _given(
        client_id=client_id, groups=group, scopes=scope,
        groups_claim=groups_claim, name_claim=name_claim, ca_file=ca_file,
    )  # fmt: skip
    secret = None if secret_file is None else secret_in(secret_file, "secret")
    with connect(context) as vault:
        made, url = _changed(vault, provider, given, secret), vault.url
    _show(made, url, as_json)


def _changed(vault: Vault, provider: str, given: Mapping[str, Any], secret: str | None) -> rest.Provider:
    seen = vault.providers[provider].show()
    former = seen.model_dump(include=set(rest.ProviderSettings.model_fields))
    return vault.providers[provider].set(_settings(former, given), secret=secret, seen=seen)


@app.command("test")
def try_now(context: typer.Context, provider: Name, as_json: Json = False) -> None:
    """Ask a provider what it says of itself, and for its keys. Exit code 1: nobody can log in by it."""
    with connect(context) as vault:
        tried = vault.providers[provider].test()
    if as_json:
        output.show_json(tried)
    else:
        output.say(f"{'works' if tried.works else 'does not work'}: {tried.said}")
    if not tried.works:
        raise typer.Exit(1)


@app.command()
def delete(context: typer.Context, provider: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a provider, and the people who come from it."""
    risk.accept_deletion("provider", provider, yes)
    with connect(context) as vault:
        vault.providers[provider].delete()
    output.show_deleted("provider", provider, as_json)


def _given(ca_file: Path | None, groups: list[str] | None, **values: object) -> dict[str, Any]:
    """What was typed. Raises InvalidArgument."""
    given: dict[str, Any] = {name: each for name, each in values.items() if each is not None}
    if groups is not None:
        given["groups"] = [_group(each) for each in groups]
    if ca_file is not None:
        given["ca_pem"] = _text(ca_file)
    return given


def _settings(former: Mapping[str, Any], given: Mapping[str, Any]) -> rest.ProviderSettings:
    return request(rest.ProviderSettings, **{**former, **given})


def _group(text: str) -> Mapping[str, Any]:
    """GROUP=ROLE[,ROLE][@SITE]; a group's name may contain '=', as names of directories do. Raises
    InvalidArgument."""
    group, equals, may = text.rpartition("=")
    roles, limited, site = may.partition("@")
    unknown = [each for each in roles.split(",") if each not in list(Role)]
    if not equals or not group or unknown or (limited and not site):
        raise errors.InvalidArgument(
            f"'{text}' does not say what a group may do.",
            do=f"Give GROUP=ROLE[,ROLE][@SITE]; roles are {', '.join(Role)}.",
        )
    return {"group": group, "roles": [*dict.fromkeys(roles.split(","))], "site": site or None}


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError) as error:
        raise errors.InvalidArgument(f"The certificates in {file} cannot be read: {error}.") from error


def _show(provider: rest.Provider, url: str, as_json: bool) -> None:
    if as_json:
        output.show_json(provider)
        return
    output.show_facts([*_facts(provider, url)])


def _facts(provider: rest.Provider, url: str) -> Iterator[tuple[str, object]]:
    yield "name", provider.name
    yield "issuer", provider.issuer
    yield "client", provider.client_id
    yield "to be allowed there", f"{url.rstrip('/')}{provider.callback_path}"
    for each in provider.groups:
        where = f"of site {each.site}" if each.site else "of the whole vault"
        yield f"group {each.group}", f"{', '.join(each.roles)} {where}"
    yield "scopes", " ".join(provider.scopes)
    yield "groups by the claim", provider.groups_claim
    yield "names by the claim", provider.name_claim
    yield "certificates", "given" if provider.ca_pem else "those that the vault's host trusts"
