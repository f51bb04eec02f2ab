"""Finds the vault to use, and how to reach it.

`secondsite vault init` leaves `client.json` (url, token file, CA file) in the vault's home; SECONDSITE_CLIENT
names it, else ~/.config/secondsite/client.json, else that of the vault of this host. Arguments come first,
then SECONDSITE_URL, SECONDSITE_TOKEN and SECONDSITE_CA, then the login of 'secondsite login' until it ends,
then that file."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ..domain import errors
from . import login_file

VARIABLE = "SECONDSITE_CLIENT"
OWN_FILE = "~/.config/secondsite/client.json"
VAULT_FILE = Path("/var/lib/secondsite/vault/client.json")
"""The file on the vault's own host, for users who may read it."""


@dataclass(frozen=True, slots=True)
class Access:
    """An https address, an access token, and the PEM file of the CA that vouches for the address."""

    url: str
    token: str
    ca: Path


@dataclass(frozen=True, slots=True)
class Place:
    """An https address, and the PEM file of the CA that vouches for it."""

    url: str
    ca: Path


def find(url: str | None = None, token: str | None = None, ca: Path | str | None = None) -> Access:
    """URL, token and CA file, from wherever they are given; raises InvalidArgument or Unauthenticated naming
    what is missing."""
    token = token or os.environ.get("SECONDSITE_TOKEN")
    found, stored, writer = _place(url, ca, bool(token))
    login = None if token else login_file.read()
    if login is not None and login.counts() and login.url == found.url:
        token = login_file.secret_of(login)
    return Access(found.url, token or _stored_token(stored, writer), found.ca)


def place(url: str | None = None, ca: Path | str | None = None) -> Place:
    """URL and CA file alone. Raises InvalidArgument naming what is missing."""
    return _place(url, ca, True)[0]


def _place(url: str | None, ca: Path | str | None, has_token: bool) -> tuple[Place, dict[str, str], int]:
    """URL and CA file, what the stored file contains, and its owner."""
    url = url or os.environ.get("SECONDSITE_URL")
    ca = ca or os.environ.get("SECONDSITE_CA")
    stored, writer = ({}, os.geteuid()) if url and ca and has_token else _stored()
    url, ca = url or stored.get("url"), ca or stored.get("ca")
    if not url and not ca and (login := login_file.read()) is not None:
        url, ca = login.url, login.ca
    if not url or not ca:
        raise _no_vault()
    return Place(url, Path(ca)), stored, writer


def _no_vault() -> errors.InvalidArgument:
    named = os.environ.get(VARIABLE)
    if named:
        return errors.InvalidArgument(
            f"{VARIABLE} names {named}, and no such file is there, or it names no vault.",
            do=(
                "Name the client.json in the home of the vault ('secondsite vault init' wrote it), or give "
                "--url, --token-file and --ca."
            ),
        )
    return errors.InvalidArgument(
        "No vault is named.",
        do=(
            f"Give --url, --token-file and --ca, or set {VARIABLE} to the client.json of 'secondsite vault "
            "init'."
        ),
    )


def _stored() -> tuple[dict[str, str], int]:
    """What the file contains, and the user id of its owner."""
    path = _file()
    try:
        with path.open(encoding="utf-8") as file:
            return _understood(json.load(file)), os.fstat(file.fileno()).st_uid
    except (FileNotFoundError, NotADirectoryError):
        return {}, os.geteuid()
    except PermissionError:
        raise errors.InvalidArgument(
            f"{path} may be read by the vault's user and by root only.",
            do=(
                "Type it as root (sudo -E), or ask for a token of your own, and give --url, --token-file and "
                "--ca."
            ),
        ) from None
    except (OSError, ValueError) as error:
        raise errors.InvalidArgument(
            f"{path} cannot be read: {error}.", do="Correct or remove that file."
        ) from error


def _file() -> Path:
    named = os.environ.get(VARIABLE)
    own = _at_home(named or OWN_FILE)
    return own if named or own.exists() or not os.access(VAULT_FILE, os.R_OK) else VAULT_FILE


def _at_home(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no home is known, of this user or of one that is named
        return Path(path)


def _understood(found: object) -> dict[str, str]:
    """The file's values. Raises ValueError."""
    if isinstance(found, dict) and all(isinstance(each, str) for each in found.values()):
        return found
    raise ValueError("it is not as 'secondsite vault init' writes it")


def _stored_token(stored: dict[str, str], writer: int) -> str:
    """The token in the file that `client.json` names. If root uses a file that the vault's user wrote, that
    user could name any file, and its content would be sent to a vault that he also names: so the file must be
    the user's own."""
    try:
        with Path(stored["token_file"]).open() as file:
            if os.fstat(file.fileno()).st_uid != writer and writer not in (0, os.geteuid()):
                raise errors.Unauthenticated(
                    (
                        f"{stored['token_file']}, which the client.json of user {writer} names, is another "
                        "user's file."
                    ),
                    do="Give --url, --token-file and --ca, or a client.json of your own.",
                )
            return file.read().strip()
    except KeyError:
        raise errors.Unauthenticated("No access token is given.") from None
    except (OSError, ValueError) as error:
        raise errors.Unauthenticated(f"The token file cannot be read: {error}.") from error
