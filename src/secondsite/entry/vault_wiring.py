"""Puts the vault together: which adapter serves which interface, and what starts and stops with it."""

import contextlib
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy.orm import Session

from .. import __version__
from .. import api as rest_face
from ..domain import errors
from ..domain.lifecycle import Verb
from ..domain.plans import plan
from ..ground.connection_limits import Limits, Tally, Visitors
from ..ground.lived_time import LivedClock
from ..ground.periodic import Every, Watches
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
from ..vault.health.backups import Backups
from ..vault.notices.notifier import Findings, Teller
from ..vault.steps.deps import Deps
from ..vault.store import Transaction
from ..vault.watch.automatic_commits import AutomaticCommits
from ..vault.watch.cancels_again import CancelsAgain
from ..vault.watch.drill_scheduler import DrillScheduler, DrillStarter
from ..vault.watch.free_memory import FreeMemory
from ..vault.watch.housekeeping import Housekeeping
from ..vault.watch.left_definitions import LeftDefinitions
from ..vault.watch.migration_follower import MigrationFollower
from ..vault.watch.rpo_series import WRITTEN_EVERY_SECONDS as RPO_WRITTEN_EVERY_SECONDS
from ..vault.watch.rpo_series import RpoSeries, RpoUnwritten
from ..vault.watch.stray_replicas import StrayReplicas
from ..vault.watch.verification_scheduler import VerificationScheduler
from . import cluster
from .backup.backup_schedule import BackupSchedule
from .restored_vault import RENEWED_EVERY_SECONDS, RestoredVault
from .settings import PKI_DIRECTORY, VaultSettings

log = structlog.get_logger()
USES_WRITTEN_EVERY_SECONDS = 180.0
REFUSALS_WRITTEN_EVERY_SECONDS = 60.0
VALIDATION_LOOKED_FOR_EVERY_SECONDS = 600.0
REPORTS_LOOKED_FOR_EVERY_SECONDS = 60.0


class RunningVault:
    """Everything but the REST port. `start` it, serve `app`, `stop` it."""

    def __init__(self, home: Path, settings: VaultSettings, most_connections: int = 500) -> None:
        """`most_connections` is for each of the two ports."""
        self.settings = settings
        self._watches = Watches()
        self._open_store(home)
        self._hear_appliances(home / PKI_DIRECTORY, most_connections)
        self._make_jobs()
        self._make_watches(home)
        self.visitors = _visitors("rest", Limits(most=most_connections))
        self.app: FastAPI | None = None

    def _open_store(self, home: Path) -> None:
        url = self.settings.database_url
        vault_store.migrate(url)
        self._database = database.connect(url)
        self._lived = LivedClock(utc_now)
        self._store = vault_store.Store(self._database, lambda: self._engine.member)
        self._restored = RestoredVault(home, self.settings.id, url, self._store)
        self.refusals = Refusals(self._store, utc_now)
        self.rpo_unwritten = RpoUnwritten(self._store)
        self.uses = Uses()

    def _hear_appliances(self, pki: Path, most_connections: int) -> None:
        self.authority = gateway.load_authority(pki, timedelta(days=self.settings.appliance_certificate_days))
        self.server_tls = self._watches.add(ServerTls(self.authority, pki, self.settings.names, utc_now))
        self.signals = Signals()
        self.others = cluster.other_processes(self.settings, self._store, self.signals, self._lost)
        hold = self._watches.add(self.others).hold if self.others else None
        self.facts = StatusIntake(self._store, self.signals, utc_now, hold)
        self.control_settings = ControlSettings(
            host=self.settings.control_host,
            port=self.settings.control_port,
            ca=pki / CA_CERTIFICATE,
            certificate=self.server_tls.certificate,
            key=self.server_tls.key,
            follow=self.server_tls.follow,
        )
        self.control = gateway.ControlPort(
            self.control_settings,
            # an appliance whose line is dead is found by its pings
            visitors=_visitors("control", Limits(most=most_connections, idle_seconds=math.inf)),
            admit=Admission(self._store, self.signals),
            sink=self.facts,
            signals=self.signals,
            renew=Renewal(self._store, self.authority, utc_now),
            clock=utc_now,
            number=lambda: self._restored.number,
            hear_number=lambda who, told: self._restored.hear(who, told, self._engine.changes),
            others=self.others,
        )

    def _make_jobs(self) -> None:
        self._deps = Deps(
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
        self._operations = operations.operations(self._deps)
        self._definitions = (
            *operations.definitions(self._deps),
            *plan_runs.definitions(self._deps, self._operations),
        )
        self._engine = Engine(
            self._database,
            self._definitions,
            clock=SharedClock() if self.settings.database_kind == "postgresql" else utc_now,
            owner=f"vault-{self.settings.id}",
            workers=self.settings.workers,
            joined=self._restored.look,
            joined_again=cluster.joined_again,
            failed=cluster.end_this_process,
            hears=cluster.channels(self.others, lambda: self._engine.member),
        )
        self._engine.standing.follow(self.control.cut, self.control.mend)
        self.signals.connect(self._engine.signal)

    def _submit(self, session: Session, name: str, **what: Any) -> str:
        return self._engine.submit(session, name, **what)

    def _make_watches(self, home: Path) -> None:
        """The tasks that run beside the requests."""
        deps, store, add = self._deps, self._store, self._watches.add
        settings, facts = self.settings, self.facts
        self._backups = Backups(timedelta(days=settings.backup_warn_days))
        findings = Findings(deps, facts, self.authority, self._backups, settings.name)
        starting = DrillStarter(deps, self._operations, facts, self.authority)

        self._housekeeping = add(Housekeeping(store, facts, self._operations, self._lived))
        add(FreeMemory(store))
        add(DrillScheduler(deps, starting, facts))
        add(VerificationScheduler(deps, facts, self.authority))
        add(MigrationFollower(deps, facts))
        add(LeftDefinitions(deps, facts))
        add(CancelsAgain(deps, self._engine.retry))
        add(AutomaticCommits(deps, self._operations, facts, self.authority))
        add(StrayReplicas(deps, self._operations[Verb.MOVE_REPLICA], facts))
        self.settings_push = add(SettingsPush(store, self.control, self.signals, self.authority))
        self.keeping_push = add(KeepingPush(store, self.control))
        self.rpo_series = add(RpoSeries(store, self.control, facts, self.rpo_unwritten, utc_now, self._lived))
        settles, known = settings.notices_settle_seconds, Catalogue(self._definitions)
        self.notices = add(Teller(deps, findings, known, settings.name, settings.id, settles))
        add(BackupSchedule(home, settings, utc_now))
        self._evidence = add(Keeper(store, settings.name, utc_now, self._lived))
        self._engine.changes.follow(self.notices.hear_of_job)
        self._engine.changes.follow(self._evidence.hear_of_job)
        for every in (
            Every(
                "validation",
                VALIDATION_LOOKED_FOR_EVERY_SECONDS,
                self._validate,
                lambda error: log.error("validation.failed", exc_info=error),
            ),
            Every(
                "weekly-report",
                REPORTS_LOOKED_FOR_EVERY_SECONDS,
                self._report,
                lambda error: log.error("report.not-told", exc_info=error),
            ),
            Every(
                "lineage",
                RENEWED_EVERY_SECONDS,
                self._renew,
                lambda error: log.error("lineage.not-renewed", exc_info=error),
            ),
            Every(
                "tokens",
                USES_WRITTEN_EVERY_SECONDS,
                lambda: self.uses.write(store),
                lambda error: log.error("tokens.uses-not-written", exc_info=error),
            ),
            Every(
                "audit",
                REFUSALS_WRITTEN_EVERY_SECONDS,
                self._keep_record,
                lambda error: log.error("audit.refusals-not-written", exc_info=error),
            ),
            Every(
                "rpo-writer",
                RPO_WRITTEN_EVERY_SECONDS,
                self.rpo_unwritten.write,
                lambda error: log.error("rpo.not-written", exc_info=error),
            ),
        ):
            add(every)

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
        self._watches.start()
        log.info("vault.started", control_port=control_port, database=self.settings.database_kind)
        return self.app

    def stop(self) -> None:
        """Stop within four seconds; a step that does not end by then runs again at the next start."""
        self._watches.stop(0.3)
        self.control.stop(0.7)
        self._engine.stop(2.0)
        with contextlib.suppress(errors.StoreUnavailable):
            self.uses.write(self._store)
            self.refusals.write()
            self.rpo_unwritten.write()
        self._database.dispose()

    @property
    def failure(self) -> JobError | None:
        """Why this process cannot go on; None if it can."""
        return self._engine.failure

    def _lost(self, tx: Transaction, appliance_ids: Sequence[str]) -> None:
        self.facts.lost(tx, appliance_ids)

    def _validate(self) -> None:
        self.facade.validations.look()

    def _report(self) -> None:
        self.facade.reports.tell()

    def _keep_record(self) -> None:
        self.refusals.write()
        self.facade.approvals.expire()
        self.facade.audit.prune()

    def _renew(self) -> None:
        self._restored.renew()
        self._tell_where()

    def _tell_where(self) -> None:
        with self._store.transaction() as tx:
            cluster.enter(tx, self.settings, self.authority, self.control_url, self._lived())

    def parts(self) -> Parts:
        """The parts that the facade's nouns are built on."""
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
            deps=self._deps,
            about=about,
            now=utc_now,
            refusals=self.refusals,
            served=cluster.served(self._engine.standing),
            writable=self._store.require_writable,
            rpo_unwritten=self.rpo_unwritten,
            plan_limits=plan.Limits(self.settings.plan_groups, self.settings.plan_machines),
            uses=self.uses,
            notices=self.notices,
            backups=self._backups,
            ways=self.control.ways,
        )


def _visitors(port: str, limits: Limits) -> Visitors:
    def tell(reasons: Mapping[str, int], most_from: str) -> None:
        log.warning("visitors.refused", port=port, reasons=reasons, most_from=most_from)

    return Visitors(limits, Tally(tell))
