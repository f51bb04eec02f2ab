"""By what a cluster is reached: addresses of nodes, an API token, and whose certificate is believed.

The token is read from its file for each call, so one that was replaced counts at once. It is in no argument,
no message and no log."""

from __future__ import annotations

import os
import re
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...domain import errors
from ...ground import real_files, tls, urls

PORT = 8006
MOST_TOKEN_BYTES = 1024
TOKEN = re.compile(r"[^\s:/@!=]{1,64}@[A-Za-z][\w.-]{1,31}![A-Za-z][\w.-]{1,63}=[\x21-\x7e]{8,256}", re.ASCII)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
MAKE_IT = "Make one at a node with 'pveum user token add USER@REALM NAME', and put it there as one line."


@dataclass(frozen=True, slots=True)
class Access:
    """`addresses`: HOST or HOST:PORT of nodes of one cluster, best first. `token_file`: one line,
    USER@REALM!NAME=SECRET, mode 0600. `ca_file`: PEM of the cluster's CA, which is /etc/pve/pve-root-ca.pem
    at its nodes, or of the very certificates that they show."""

    addresses: tuple[str, ...]
    token_file: Path
    ca_file: Path


def token(path: Path) -> str:
    """The API token in a file. Raises NotPossibleNow for one that is missing, open to others, or holds
    none."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise _refused(path, f"cannot be read: {problem.strerror}", MAKE_IT) from None
    with open(number, "rb") as file:
        _require_own(path, os.fstat(number))
        text = file.read(MOST_TOKEN_BYTES).decode("ascii", "replace").strip()
    if not TOKEN.fullmatch(text):
        raise _refused(path, "holds no API token, USER@REALM!NAME=SECRET", MAKE_IT)
    return text


def _require_own(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _refused(path, "is not a plain file", MAKE_IT)
    if status.st_uid not in (0, os.geteuid()):
        raise _refused(
            path, f"belongs to user {status.st_uid}, neither root nor us", f"Run 'chown root {path}'."
        )
    if status.st_mode & OTHERS:
        raise _refused(
            path, "can be read or written by others", f"Make a new token, and run 'chmod 600 {path}'."
        )


def _refused(path: Path, what: str, do: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(f"The file of the API token, {path}, {what}.", do=do)


def trusting(ca_file: Path) -> ssl.SSLContext:
    """For connections to nodes whose certificate is in this file, or is signed by one in it, and is for the
    name that is dialled. Raises NotPossibleNow: a file that holds nothing is not what the host trusts."""
    context = tls.only_1_3(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a node's own certificate is enough
    try:
        context.load_verify_locations(cadata=real_files.content(ca_file).decode("ascii"))
    except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
        raise errors.NotPossibleNow(
            f"{ca_file} holds no certificate (PEM) to know the nodes by: {problem}",
            do="Copy /etc/pve/pve-root-ca.pem of a node there.",
        ) from None
    return context


def base_urls(addresses: Sequence[str]) -> tuple[str, ...]:
    """Where the API is, for each address. Raises InvalidArgument."""
    found = tuple(_base_url(each) for each in addresses)
    if not found:
        raise errors.InvalidArgument("No address of a node is given.", do="Give HOST or HOST:PORT.")
    return found


def _base_url(address: str) -> str:
    try:
        where = urlsplit(f"//{address}")
        if where.hostname and where.netloc == address and not re.search(r"[@\s]", address):
            return f"https://{urls.bracketed(where.hostname)}:{where.port or PORT}/api2/json"
    except ValueError:
        pass
    raise errors.InvalidArgument(f"'{address}' is no address of a node.", do="Give HOST or HOST:PORT.")
