"""Settings of single machines: cards, checks, hooks, properties, what people confirmed. Their rows are
deleted when protection ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, ForeignKey, String, Table, bindparam, cast, or_, select
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import PreparedStatement
from ....wire.common.cards import CardSettings
from ....wire.common.confirmed_lines import ConfirmedLine
from ....wire.common.hooks import MachineHook
from ....wire.common.machine_checks import MachineCheck
from ....wire.common.properties import TargetProperties
from ..sql import rows
from ..sql.columns import ShapeColumn, metadata


@dataclass(frozen=True, slots=True)
class MachineSettingsRecord:
    """The settings of a machine's cards; `cards` are only those with settings."""

    machine_id: str
    cards: tuple[CardSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineChecksRecord:
    """The checks of a machine after each start."""

    machine_id: str
    checks: tuple[MachineCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmationsRecord:
    """What people confirmed of a machine."""

    machine_id: str
    lines: tuple[ConfirmedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class MachinePropertiesRecord:
    """The properties of a machine at its second site."""

    machine_id: str
    properties: TargetProperties


@dataclass(frozen=True, slots=True)
class MachineHooksRecord:
    """The scripts that run when a machine is moved."""

    machine_id: str
    hooks: tuple[MachineHook, ...] = ()


MACHINE_SETTINGS = Table(
    "machine_settings",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("cards", ShapeColumn(tuple[CardSettings, ...]), nullable=False),
)

MACHINE_CHECKS = Table(
    "machine_checks",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("checks", ShapeColumn(tuple[MachineCheck, ...]), nullable=False),
)

MACHINE_HOOKS = Table(
    "machine_hooks",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("hooks", ShapeColumn(tuple[MachineHook, ...]), nullable=False),
)

MACHINE_PROPERTIES = Table(
    "machine_properties",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("properties", ShapeColumn(TargetProperties), nullable=False),
)

MACHINE_CONFIRMATIONS = Table(
    "machine_confirmations",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("lines", ShapeColumn(tuple[ConfirmedLine, ...]), nullable=False),
)

_CHECKS_OF = PreparedStatement(
    select(MACHINE_CHECKS).where(MACHINE_CHECKS.c.machine_id == bindparam("wanted"))
)


class MachineChecks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> Sequence[MachineCheck]:
        """The checks, in the order in which they were given."""
        found = _CHECKS_OF.one(self._session, {"wanted": machine_id})
        return () if found is None else MachineChecksRecord(**found).checks

    def put(self, checks: MachineChecksRecord) -> None:
        """Replace the machine's checks."""
        rows.upsert(self._session, MACHINE_CHECKS, rows.row(checks))


class Confirmations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, machine_ids: Sequence[str]) -> Mapping[str, Sequence[ConfirmedLine]]:
        """What was confirmed of these machines, by machine id; those without any are missing."""
        table = MACHINE_CONFIRMATIONS
        found = rows.many(
            self._session, ConfirmationsRecord, select(table).where(table.c.machine_id.in_(machine_ids))
        )
        return {each.machine_id: each.lines for each in found if each.lines}

    def put(self, confirmed: ConfirmationsRecord) -> None:
        """Replace what was confirmed of the machine."""
        rows.upsert(self._session, MACHINE_CONFIRMATIONS, rows.row(confirmed))


_HOOKS_OF = PreparedStatement(select(MACHINE_HOOKS).where(MACHINE_HOOKS.c.machine_id == bindparam("wanted")))


class MachineHooks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> Sequence[MachineHook]:
        """The hooks, in the order in which they were given, in which they also run."""
        found = _HOOKS_OF.one(self._session, {"wanted": machine_id})
        return () if found is None else MachineHooksRecord(**found).hooks

    def all(self) -> Mapping[str, Sequence[MachineHook]]:
        """The hooks of all machines that have any, by machine id."""
        found = rows.many(self._session, MachineHooksRecord, select(MACHINE_HOOKS))
        return {each.machine_id: each.hooks for each in found if each.hooks}

    def put(self, hooks: MachineHooksRecord) -> None:
        """Replace the machine's hooks."""
        rows.upsert(self._session, MACHINE_HOOKS, rows.row(hooks))


_PROPERTIES_OF = PreparedStatement(
    select(MACHINE_PROPERTIES).where(MACHINE_PROPERTIES.c.machine_id == bindparam("wanted"))
)


class MachineProperties:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> TargetProperties:
        """The properties; empty if none is set."""
        found = _PROPERTIES_OF.one(self._session, {"wanted": machine_id})
        return TargetProperties() if found is None else MachinePropertiesRecord(**found).properties

    def list(self) -> Sequence[MachinePropertiesRecord]:
        """The properties of all machines for which any was ever set."""
        return rows.many(self._session, MachinePropertiesRecord, select(MACHINE_PROPERTIES))

    def put(self, properties: MachinePropertiesRecord) -> None:
        """Replace the machine's properties."""
        rows.upsert(self._session, MACHINE_PROPERTIES, rows.row(properties))


_SETTINGS_OF = PreparedStatement(
    select(MACHINE_SETTINGS).where(MACHINE_SETTINGS.c.machine_id == bindparam("wanted"))
)


class MachineSettings:
    def __init__(self, session: Session) -> None:
        self._session = session

    def cards(self, machine_id: str) -> Sequence[CardSettings]:
        """The settings of the machine's cards; nothing for a card without settings."""
        found = _SETTINGS_OF.one(self._session, {"wanted": machine_id})
        return () if found is None else MachineSettingsRecord(**found).cards

    def list(self) -> Sequence[MachineSettingsRecord]:
        """The settings of all machines for which any was ever set."""
        return rows.many(self._session, MachineSettingsRecord, select(MACHINE_SETTINGS))

    def with_addresses(self) -> Sequence[MachineSettingsRecord]:
        """As `list`, of the machines with a card for which an address is set: these are few, and others are
        not read."""
        text = cast(MACHINE_SETTINGS.c.cards, String)
        has_one = or_(text.like('%"address":"%'), text.like('%"address": "%'))
        return rows.many(self._session, MachineSettingsRecord, select(MACHINE_SETTINGS).where(has_one))

    def put(self, settings: MachineSettingsRecord) -> None:
        """Replace the settings of the machine's cards."""
        rows.upsert(self._session, MACHINE_SETTINGS, rows.row(settings))
