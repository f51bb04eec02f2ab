"""The vault put together: which adapter serves which port, and in what order things start and stop."""

import contextlib
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from .. import __version__
from .. import api as rest_face
from ..domain import errors
from ..domain.plans import plan
from ..ground.connection_limits import Limits, Tally, Visitors
from ..ground.lived_time import LivedClock
from ..ground.periodic import Every
from ..ground.urls import bracketed
from ..jobs.model.catalogue import Catalogue
from ..jobs.model.clock import SharedClock, utc_now
from ..jobs.model.failures import JobError
from ..jobs.running.engine import Engine
from ..jobs.storage import database
from ..vault import facade, operations, plan_runs
from ..vault import store as vault_store
from ..vault.evidence.keeper import Keeper
from ..vault.facade.callers import Uses
from ..vault.facade.parts import About, Parts
from ..vault.facade.refusals import Refusals
from ..vault.fleet import gateway
from ..vault.fleet.admission import Admission
from ..vault.fleet.certificate_renewal import Renewal
from ..vault.fleet.gateway.certificate_authority import CA_CERTIFICATE
from ..vault.fleet.gateway.control_tls import ControlSettings
from ..vault.fleet.gateway.server_tls import ServerTls
from ..vault.fleet.rescue_manifest import KeepingPush
from ..vault.fleet.settings_push import SettingsPush
from ..vault.fleet.signals import Signals
from ..vault.fleet.status_intake import StatusIntake
from ..vault.health import disbelief
from ..vault.health.backups import Backups
from ..vault.notices.notifier import Findings, Teller
from ..vault.steps.deps import Deps
from ..vault.store import Transaction
from ..vault.watch.drill_scheduler import DrillScheduler, Starting
from ..vault.watch.housekeeping import Housekeeping
from ..vault.watch.rpo_series import WRITTEN_EVERY_SECONDS as RPO_WRITTEN_EVERY_SECONDS
from ..vault.watch.rpo_series import RpoSeries, RpoUnwritten
from ..vault.watch.verification_scheduler import VerificationScheduler
from . import cluster as several
from .backup.scheduled import Scheduled
from .restored import RENEWED_EVERY_SECONDS, Restored
from .settings import PKI_DIRECTORY, VaultSettings

log = structlog.get_logger()
USES_WRITTEN_EVERY_SECONDS = 180.0
REFUSALS_WRITTEN_EVERY_SECONDS = 60.0
VALIDATION_LOOKED_FOR_EVERY_SECONDS = 600.0


class Watch(Protocol):
    """Works beside the requests."""

    def start(self) -> None: ...
    def stop(self, within_seconds: float = ...) -> None: ...


class RunningVault:
    """Everything but the REST port. `start` it, serve `app`, `stop` it."""

    def __init__(self, home: Path, settings: VaultSettings, most_connections: int = 500) -> None:
        """`most_connections` is for each of the two ports."""
        pki = home / PKI_DIRECTORY
        self.settings = settings
        self.visitors = _visitors("rest", Limits(most=most_connections))
        # an appliance whose line is dead is found by its pings
        self._control_visitors = _visitors("control", Limits(most=most_connections, idle_seconds=math.inf))
        self.authority = gateway.load_authority(pki, timedelta(days=settings.appliance_certificate_days))
        self.server_tls = ServerTls(self.authority, pki, settings.names, utc_now)
        self._ca = pki / CA_CERTIFICATE
        vault_store.migrate(settings.database_url)
        self._database: Database = database.connect(settings.database_url)
        self._lived = LivedClock(utc_now)
        self._store = vault_store.Store(self._database, lambda: self._engine.member)
        self.signals = Signals()
        self.others = self._others()
        self.facts = StatusIntake(
            self._store, self.signals, utc_now, self.others.hold if self.others else None
        )
        self.control = self._control_port()
        self._job_deps = deps = self._deps()
        self._operations = operations.operations(deps)
        self._definitions = *operations.definitions(deps), *plan_runs.definitions(deps, self._operations)
        self._restored = Restored(home, settings.id, settings.database_url)
        self._engine = Engine(
            self._database,
            self._definitions,
            clock=SharedClock() if settings.database_kind == "postgresql" else utc_now,
            owner=f"vault-{settings.id}",
            workers=settings.workers,
            joined=self._restored.look,
            joined_again=several.joined_again,
            failed=several.end_this_process,
            hears={vault_store.CHANNEL: self._hear} if self.others else {},
        )
        self._engine.standing.follow(self.control.cut, self.control.mend)
        self.signals.connect(self._engine.signal)
        self._housekeeping = Housekeeping(self._store, self.facts, self._operations, self._lived)
        starting = Starting(deps, self._operations, self.facts, self.authority)
        self._drills = DrillScheduler(deps, starting, self.facts)
        self._verification = VerificationScheduler(deps, self.facts, self.authority)
        self._lineage = Every(
            "lineage",
            RENEWED_EVERY_SECONDS,
            self._renew,
            lambda error: log.error("lineage.not-renewed", exc_info=error),
        )
        self.settings_push = SettingsPush(self._store, self.control, self.signals, self.authority)
        self.keeping_push = KeepingPush(self._store, self.control)
        self.rpo_unwritten = RpoUnwritten(self._store)
        self.rpo_series = RpoSeries(
            self._store, self.control, self.facts, self.rpo_unwritten, utc_now, self._lived
        )
        self._backups = Backups(timedelta(days=settings.backup_warn_days))
        self._scheduled_backups = Scheduled(home, settings, utc_now)
        findings = Findings(deps, self.facts, self.authority, self._backups, settings.name)
        self.notices = Teller(deps, findings, settings.name, settings.id, settings.notices_settle_seconds)
        self._engine.changes.follow(self.notices.hear_of_job)
        self._evidence = Keeper(self._store, settings.name, utc_now, self._lived)
        self._engine.changes.follow(self._evidence.hear_of_job)
        self.uses = Uses()
        self.refusals = Refusals(self._store, utc_now)
        self._refusals_writer = Every(
            "audit",
            REFUSALS_WRITTEN_EVERY_SECONDS,
            self._keep_record,
            lambda error: log.error("audit.refusals-not-written", exc_info=error),
        )
        self._rpo_writer = Every(
            "rpo-writer",
            RPO_WRITTEN_EVERY_SECONDS,
            self.rpo_unwritten.write,
            lambda error: log.error("rpo.not-written", exc_info=error),
        )
        self._validation = Every(
            "validation",
            VALIDATION_LOOKED_FOR_EVERY_SECONDS,
            self._validate,
            lambda error: log.error("validation.failed", exc_info=error),
        )
        self._uses_writer = Every(
            "tokens",
            USES_WRITTEN_EVERY_SECONDS,
            lambda: self.uses.write(self._store),
            lambda error: log.error("tokens.uses-not-written", exc_info=error),
        )
        self.app: FastAPI | None = None

    def start(self) -> FastAPI:
        """Begin to run jobs and to accept appliances; gives the REST application to serve.

        Raises EngineAlreadyRunning when another vault runs on the same SQLite file, OSError for a taken port.
        """
        # The engine first: if it is refused, another vault is alive and its records must not change.
        self._engine.start()
        self._restored.settle()
        self._housekeeping.follow()
        self.facts.start()
        control_port = self.control.start()
        self.control_url = f"wss://{bracketed(self.settings.names[0])}:{control_port}"
        self._tell_where()
        self.facade = facade.assemble(self.parts())
        self.app = rest_face.create(self.facade, __version__, self.visitors)
        for watch in self._watches:
            watch.start()
        log.info("vault.started", control_port=control_port, database=self.settings.database_kind)
        return self.app

    def stop(self) -> None:
        """Within four seconds; a step that does not end by then runs again at the next start."""
        for watch in self._watches:
            watch.stop(0.3)
        self.control.stop(0.7)
        self._engine.stop(2.0)
        with contextlib.suppress(errors.StoreUnavailable):
            self.uses.write(self._store)
            self.refusals.write()
            self.rpo_unwritten.write()
        self._database.dispose()

    @property
    def _watches(self) -> Sequence[Watch]:
        watches = (
            self._housekeeping,
            self._drills,
            self._verification,
            self.settings_push,
            self.keeping_push,
            self.rpo_series,
            self.server_tls,
            self.notices,
            self._scheduled_backups,
        )
        others = (self.others,) if self.others else ()
        return (
            *others,
            *watches,
            self._evidence,
            self._validation,
            self._lineage,
            self._uses_writer,
            self._refusals_writer,
            self._rpo_writer,
        )

    def _keep_record(self) -> None:
        self.refusals.write()
        self.facade.approvals.expire()
        self.facade.audit.prune()

    def _validate(self) -> None:
        self.facade.validations.look()

    def _renew(self) -> None:
        with self._store.transaction() as tx:
            self._restored.renew(tx.session)
        self._restored.settle()
        self._tell_where()

    def _tell_where(self) -> None:
        with self._store.transaction() as tx:
            several.enter(tx, self.settings, self.authority, self.control_url, self._lived())

    @property
    def failure(self) -> JobError | None:
        """Why this process cannot go on."""
        return self._engine.failure

    def _others(self) -> gateway.OtherProcesses | None:
        """SQLite serves one process."""
        if self.settings.database_kind != "postgresql":
            return None
        others = gateway.OtherProcesses(self._store, self.signals.from_afar, self._lost)
        self.signals.tell_others(others.tell)
        return others

    def _lost(self, tx: Transaction, appliance_ids: Sequence[str]) -> None:
        self.facts.lost(tx, appliance_ids)

    def _hear(self, payload: str | None) -> None:
        assert self.others is not None
        said = "" if payload is None else vault_store.heard(payload, self._engine.member)
        if said is not None:
            self.others.hear(said)

    def _control_port(self) -> gateway.ControlPort:
        self.control_settings = ControlSettings(
            host=self.settings.control_host,
            port=self.settings.control_port,
            ca=self._ca,
            certificate=self.server_tls.certificate,
            key=self.server_tls.key,
            follow=self.server_tls.follow,
        )
        return gateway.ControlPort(
            self.control_settings,
            visitors=self._control_visitors,
            admit=Admission(self._store, self.signals),
            sink=self.facts,
            signals=self.signals,
            renew=Renewal(self._store, self.authority, utc_now),
            clock=utc_now,
            number=lambda: self._restored.number,
            hear_number=self._hear_number,
            others=self.others,
        )

    def _hear_number(self, appliance_id: str, told: int) -> None:
        """Before the appliance that was told it is given any order."""
        with self._store.transaction() as tx:
            self._engine.changes.tell_on_commit(tx.session)
            if self._restored.hear(tx.session, appliance_id, told):
                disbelief.end(tx, appliance_id)
            else:
                disbelief.note(
                    tx,
                    appliance_id,
                    f"says that a vault has told it the number {told}, which none can have reached unseen",
                    utc_now(),
                )

    def _deps(self) -> Deps:
        return Deps(
            store=self._store,
            gateway=self.control,
            submit=self._submit,
            now=utc_now,
            lived=self._lived,
            monotonic=time.monotonic,
            new_id=lambda: uuid.uuid4().hex,
            signal=self.signals,
            proof_seconds=self.settings.proof_seconds,
            drill_counts=timedelta(days=self.settings.drill_days),
        )

    def _submit(
        self,
        session: Session,
        name: str,
        *,
        subject: str,
        subject_name: str,
        arguments: BaseModel | None,
        by: str,
    ) -> str:
        return self._engine.submit(
            session, name, subject=subject, subject_name=subject_name, arguments=arguments, requested_by=by
        )

    def parts(self) -> Parts:
        """What the faces are built on."""
        about = About(
            name=self.settings.name,
            version=__version__,
            database=self.settings.database_kind,
            control_url=self.control_url,
        )
        return Parts(
            store=self._store,
            gateway=self.control,
            authority=self.authority,
            facts=self.facts,
            signals=self.signals,
            jobs=self._engine,
            catalogue=Catalogue(self._definitions),
            operations=self._operations,
            deps=self._job_deps,
            about=about,
            now=utc_now,
            refusals=self.refusals,
            served=several.served(self._engine.standing),
            writable=self._store.require_writable,
            rpo_unwritten=self.rpo_unwritten,
            plan_limits=plan.Limits(self.settings.plan_groups, self.settings.plan_machines),
            uses=self.uses,
            notices=self.notices,
            backups=self._backups,
        )


def _visitors(port: str, limits: Limits) -> Visitors:
    def tell(reasons: Mapping[str, int], most_from: str) -> None:
        log.warning("visitors.refused", port=port, reasons=reasons, most_from=most_from)

    return Visitors(limits, Tally(tell))
