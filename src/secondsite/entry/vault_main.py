"""`secondsite vault init` and `secondsite vault run`."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import anyio
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..domain import errors
from ..domain.access.approvals import Rules
from ..domain.access.chain import Entry, Outcome
from ..domain.access.roles import EVERYTHING
from ..domain.policies import ReplicationPolicy
from ..ground import connection_limits, durable, tls
from ..ground.processes import collector, malloc, surroundings
from ..ground.units import KiB
from ..ground.urls import bracketed
from ..jobs.model.clock import utc_now
from ..jobs.model.failures import JobError
from ..jobs.storage import database
from ..vault import store as vault_store
from ..vault.facade import second_person
from ..vault.facade.acts import text_of
from ..vault.facade.callers import THE_VAULT
from ..vault.facade.nouns import policies, tokens
from ..vault.fleet import gateway
from ..vault.fleet.gateway.certificate_authority import CA_KEY, ensure_server_certificate
from . import logs, service_user, settings
from .settings import VaultSettings
from .vault_wiring import RunningVault

log = structlog.get_logger()

FIRST_TOKEN = "admin"
DEFAULT_POLICY = "default"
THREADS_FOR_REQUESTS = 16
MOST_CONNECTIONS = 500
OWN_DESCRIPTORS = 256
"""File descriptors for the database, files and threads of the vault itself."""
DESCRIPTORS = 3 * MOST_CONNECTIONS + OWN_DESCRIPTORS
"""File descriptors of a vault process; a third of the connections' share is for those that are being
closed."""
SWITCH_SECONDS = 0.001
"""How long a thread may compute while another one waits. An answer changes threads some ten times, and with
Python's default of 5 ms each change may wait that long for the jobs' threads: beside two threads that compute
all the time the vault gave half as many answers. With 0.2 ms a batch took a sixth longer."""
MOST_WAITING = 512
"""Connections that the kernel holds until they are accepted; as many are accepted in one round of the
event loop."""
MOST_HEADER_BYTES = 16 * KiB


@dataclass(frozen=True, slots=True)
class NewVault:
    """What init made. `token` is shown once; only its owner can read its file."""

    settings: VaultSettings
    token: str
    token_file: Path
    ca_file: Path
    ca_fingerprint: str


def init(
    home: Path,
    names: Sequence[str] = ("127.0.0.1", "localhost"),
    database_url: str | None = None,
    *,
    name: str = "vault",
    rest_host: str = "127.0.0.1",
    rest_port: int = 8443,
    control_host: str = "127.0.0.1",
    control_port: int = 8444,
) -> NewVault:
    """Make a vault in `home`: database, CA, server certificate, first token, the policy 'default'.

    An init that was interrupted is completed by the next one. Raises AlreadyExists rather than touch an
    existing vault.
    """
    if settings.exists(home):
        raise errors.AlreadyExists(
            f"{home} is a vault's home already.", do="Start it with 'secondsite vault run'."
        )
    chosen = VaultSettings(
        name=name,
        names=settings.checked_names(names),
        rest_host=rest_host,
        rest_port=rest_port,
        control_host=control_host,
        control_port=control_port,
        database_url=database_url or settings.default_database(home),
    )
    service_user.become_owner(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _authority(home, chosen)
    token = _first_records(chosen)
    token_file = home / settings.TOKEN_FILE
    durable.write(token_file, token + "\n", mode=0o600)
    settings.write(home, chosen)
    ca_file = home / settings.PKI_DIRECTORY / gateway.certificate_authority.CA_CERTIFICATE
    return NewVault(chosen, token, token_file, ca_file, authority.fingerprint)


def announce(made: NewVault) -> None:
    """Say on stdout what init made."""
    print(f"vault '{made.settings.name}' made")
    print(f"  database        {settings.shown_database(made.settings.database_url)}")
    print(f"  CA              {made.ca_file}")
    print(f"  CA fingerprint  {made.ca_fingerprint}")
    print(f"  access token    {made.token}  (shown once; also in {made.token_file})")


def run(home: Path) -> None:
    """Serve until SIGTERM or SIGINT, then stop within five seconds. Prints one line when ready.

    Raises NotFound for a home without a vault, NotPossibleNow when it runs already or a port is taken.
    """
    logs.configure()
    service_user.become_owner(home)
    chosen = settings.read(home)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    malloc.keep_buffers()
    vault = RunningVault(home, chosen, _most_connections())
    try:
        with _refusals(chosen):
            listener = connection_limits.listen(chosen.rest_host, chosen.rest_port, vault.visitors)
            app = vault.start()
        with contextlib.closing(listener):
            _RestServer(vault, app).run(sockets=[listener])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        vault.stop()
        if vault.failure is not None:
            raise errors.NotPossibleNow(vault.failure.message, do=vault.failure.do)


def _most_connections() -> int:
    """The most connections for each of the two ports, so that one cannot take the other's descriptors."""
    have = connection_limits.ask_for(DESCRIPTORS)
    if have < DESCRIPTORS:
        log.warning(
            "descriptors.few", limit=have, wanted=DESCRIPTORS, do="Give the service LimitNOFILE=65536."
        )
    return max(50, min(MOST_CONNECTIONS, (have - OWN_DESCRIPTORS) // 3))


@contextlib.contextmanager
def _refusals(chosen: VaultSettings) -> Iterator[None]:
    """Errors for a vault that cannot start here, in words for the operator."""
    try:
        yield
    except JobError as refused:
        raise errors.NotPossibleNow(refused.message, do=refused.do) from refused
    except OSError as taken:
        ports = f"{chosen.rest_host}:{chosen.rest_port} and {chosen.control_host}:{chosen.control_port}"
        raise errors.NotPossibleNow(
            f"The vault cannot listen on {ports}: {taken}.",
            do="Stop the program that uses the port, or change the port in vault.json.",
        ) from taken


class _Connection(H11Protocol):
    """A connection that leaves nothing to the garbage collector: its keep-alive timer kept it in memory, with
    256 KiB for TLS, after its client had closed it."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()


class _RestServer(uvicorn.Server):
    """uvicorn, TLS 1.3 only, which says when it is ready."""

    def __init__(self, vault: RunningVault, app: FastAPI) -> None:
        config = uvicorn.Config(
            app,
            http=_Connection,
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            backlog=MOST_WAITING,
            proxy_headers=False,  # or a caller at this host could name itself another address
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ssl_certfile=str(vault.server_tls.certificate),
            ssl_keyfile=str(vault.server_tls.key),
            timeout_graceful_shutdown=1,
        )
        config.load()
        assert config.ssl is not None
        tls.only_1_3(config.ssl)
        vault.server_tls.follow(config.ssl)
        super().__init__(config)
        self._visitors = vault.visitors

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS_FOR_REQUESTS
        await super().startup(sockets)
        self._watching = asyncio.create_task(connection_limits.watch(self._visitors))
        collector.spare_what_is_here()
        collector.look_at_all_seldom()
        sys.setswitchinterval(SWITCH_SECONDS)
        host, port = (sockets or [])[0].getsockname()[:2]
        surroundings.tell_ready(f"vault ready https://{bracketed(host)}:{port}")


def _end(_number: int, _frame: FrameType | None) -> Any:
    # uvicorn catches the signal while it serves and raises it again once it has ended.
    sys.exit(0)


def _authority(home: Path, chosen: VaultSettings) -> gateway.VaultAuthority:
    pki = home / settings.PKI_DIRECTORY
    if (pki / CA_KEY).exists():
        authority = gateway.load_authority(pki)
    else:
        authority = gateway.create_authority(pki, f"secondsite CA of {chosen.name}", utc_now())
    ensure_server_certificate(authority, pki, chosen.names, utc_now())
    return authority


def approvals_off(home: Path) -> None:
    """End the need for approvals, when there is no second person any more; also while the vault runs. Raises
    NotFound for a home without a vault."""
    service_user.become_owner(home)
    db = database.connect(settings.read(home).database_url)
    try:
        with vault_store.Store(db).transaction() as tx:
            tx.one_at_a_time(second_person.LOCK)
            before = tx.approvals.rules().verbs
            tx.approvals.set_rules(Rules())
            tx.audit.append(
                Entry(
                    at=utc_now(), who=THE_VAULT.name, token_id="", address="", verb="vault approvals-off",
                    object="/approvals/settings", outcome=Outcome.DONE,
                    details=text_of({"before": list(before)}),
                )
            )  # fmt: skip
    finally:
        db.dispose()


def _first_records(chosen: VaultSettings) -> str:
    """The default policy and the first token, which replaces that of an interrupted init."""
    vault_store.migrate(chosen.database_url)
    db = database.connect(chosen.database_url)
    try:
        with vault_store.Store(db).transaction() as tx:
            if tx.machines.list() or tx.processes.list():
                raise errors.AlreadyExists(
                    "The database is that of a vault which has run already.",
                    do=(
                        "Give a new database with --database-url; for one more process of that vault: "
                        "'secondsite vault join --help'."
                    ),
                )
            policies.put_with_twin(tx, ReplicationPolicy(DEFAULT_POLICY))
            tx.tokens.remove(FIRST_TOKEN)
            return tokens.issue(tx, tokens.New(FIRST_TOKEN, EVERYTHING), utc_now()).token
    finally:
        db.dispose()
