"""Which machines a page has, and in which version: read from one index, in one piece."""

import functools
from collections.abc import Iterator, Sequence

from sqlalchemy import BindParameter, ColumnElement, Integer, bindparam, or_, select, tuple_
from sqlalchemy.orm import Session

from ....domain.lifecycle import State
from ....jobs.storage.prepared import BatchStatement, Columns, one_of
from .records import MACHINES, MachineFilter

COLUMNS = MACHINES.c


def of(
    session: Session, wanted: MachineFilter, limit: int, after: tuple[str, str] | None
) -> Sequence[Columns]:
    """The id and version of each, in the order of the page."""
    sites = {f"site{number}": site for number, site in enumerate(sorted(wanted.sites))}
    name, machine_id = after or (None, None)
    others = {"policy": wanted.policy, "group": wanted.group, "name": name, "id": machine_id}
    given = frozenset(each for each, value in others.items() if value is not None)
    values = {**sites, **{each: others[each] for each in given}, "limit": limit}
    return _statement(len(sites), wanted.states, given).all(session, values)


@functools.lru_cache(maxsize=200)
def _statement(sites: int, states: frozenset[State], given: frozenset[str]) -> BatchStatement:
    """The query, made once for each combination of filters: building a query takes as long as running it."""
    conditions = _conditions(sites, states, given)
    query = select(COLUMNS.id, COLUMNS.version).where(*conditions).order_by(COLUMNS.name, COLUMNS.id)
    return BatchStatement(query.limit(bindparam("limit", type_=Integer)))


def _conditions(sites: int, states: frozenset[State], given: frozenset[str]) -> Iterator[ColumnElement[bool]]:
    for number in range(sites):
        site: BindParameter[str] = bindparam(f"site{number}")
        yield or_(COLUMNS.source_site == site, COLUMNS.target_site == site)
    if states:
        yield one_of(COLUMNS.state, states)
    if "policy" in given:
        yield COLUMNS.policy == bindparam("policy")
    if "group" in given:
        yield COLUMNS.group == bindparam("group")
    if "name" in given:
        yield tuple_(COLUMNS.name, COLUMNS.id) > tuple_(bindparam("name"), bindparam("id"))
