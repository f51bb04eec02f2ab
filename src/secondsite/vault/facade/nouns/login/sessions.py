"""The sessions of whoever logged in: recognized, shown, and ended."""

from collections.abc import Sequence
from datetime import datetime

from .....domain import errors
from .....domain.access import sessions
from .....domain.access.roles import Permission
from .....domain.access.sessions import SessionKind
from .....wire import rest
from ....store import HolderRecord, OpenSession, PersonRecord, SessionRecord
from ... import holders
from ...callers import Caller
from ...holders import LOG_IN
from ...parts import Parts
from ...shared import secrets


class Sessions:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def recognize(
        self, secret: str, kind: SessionKind, address: str = "", is_act: bool = True
    ) -> Caller | None:
        """The caller whose session it is, if that is known without asking the database; else None. With
        `is_act` the session is not idle. Raises Unauthenticated."""
        found = self._parts.store.known_session(secrets.digest(secret))
        return None if found is None else self._opened(found, kind, address, is_act)

    def authenticate(self, secret: str, kind: SessionKind, address: str = "", is_act: bool = True) -> Caller:
        """The caller whose session it is; raises Unauthenticated."""
        known = secrets.is_session(secret)
        found = self._parts.store.session(secrets.digest(secret)) if known else None
        if found is None:
            raise errors.Unauthenticated("This session has ended, or never was.", do=LOG_IN)
        return self._opened(found, kind, address, is_act)

    def _opened(self, found: OpenSession, kind: SessionKind, address: str, is_act: bool) -> Caller:
        now = self._parts.now()
        holders.require_open_session(found, self._parts.uses.seen(found.session), now)
        if found.session.kind is not kind:
            raise errors.Unauthenticated("The secret of a session was shown where none of its kind counts.")
        if is_act:
            self._parts.uses.see(found.session.id, now)
        self._parts.uses.note(found.holder.id, now)
        return holders.caller_in(found, address)

    def show(self) -> rest.Identity:
        """Who the caller is, and may do."""
        caller = self._parts.caller
        opened = self._parts.store.session(caller.session_sha256) if caller.session_sha256 else None
        return self.identity(caller, opened)

    def identity(self, caller: Caller, opened: OpenSession | None) -> rest.Identity:
        """Who this caller is, and may do. Raises Unauthenticated."""
        holder = self._parts.store.holder(caller.token_sha256) if opened is None else opened.holder
        if holder is None:
            raise errors.Unauthenticated("What you logged in with was deleted.", do=LOG_IN)
        session = None if opened is None else opened.session
        return rest.Identity(
            name=caller.name,
            person=holders.of(holder).person,
            is_person=isinstance(holder, PersonRecord),
            provider=holder.provider if isinstance(holder, PersonRecord) else None,
            roles=caller.grant.roles,
            lacks_second_factor=opened is not None and holders.lacks_second_factor(opened),
            has_second_factor=isinstance(holder, PersonRecord) and holder.has_second_factor,
            has_app=isinstance(holder, PersonRecord) and holder.totp_secret is not None,
            chooses_password=_chooses_password(holder, session),
            site=caller.grant.site,
            permissions=tuple(each for each in Permission if caller.grant.may(each)),
            session_id=caller.session_id or None,
            ends_at=holders.ends_at(holder, caller.token_sha256) if session is None else session.ends_at,
            idle_ends_at=None if session is None else self._idle_ends_at(session),
        )

    def list(self) -> Sequence[rest.Session]:
        """The caller's sessions; those of all, for whoever manages access."""
        caller, now = self._parts.caller, self._parts.now()
        everybody = caller.grant.may(Permission.MANAGE_ACCESS)
        with self._parts.store.reading() as tx:
            found = tx.sessions.list(None if everybody else caller.token_id)
            holder = {each.id: each for each in tx.holders.list()}
        opened = [OpenSession(each, holder[each.holder_id]) for each in found if each.holder_id in holder]
        return [
            shape_of(self._parts, each.session, caller)
            for each in opened
            if not holders.why_ended(each, self._parts.uses.seen(each.session), now)
        ]

    def end(self, session_id: str) -> None:
        """End a session of the caller's, or of anybody for whoever manages access. Raises NotFound."""
        with self._parts.changing() as tx:
            caller = self._parts.caller
            found = tx.sessions.list(None if caller.grant.may(Permission.MANAGE_ACCESS) else caller.token_id)
            ended = next((each for each in found if each.id == session_id), None)
            if ended is None:
                raise errors.NotFound.named("session", session_id)
            self._parts.note(before=shape_of(self._parts, ended, caller))
            tx.sessions.remove(ended.id)

    def end_own(self) -> None:
        """End the session of this request. Raises NotPossibleNow for a request with a token."""
        if not self._parts.caller.session_id:
            raise errors.NotPossibleNow(
                "This request was made with an access token, not in a session.",
                do="Delete the token if nobody shall use it any more: 'secondsite token delete NAME'.",
            )
        self.end(self._parts.caller.session_id)

    def _idle_ends_at(self, session: SessionRecord) -> datetime | None:
        return sessions.idle_ends_at(session.kind, self._parts.uses.seen(session))


def _chooses_password(holder: HolderRecord, session: SessionRecord | None) -> bool:
    """Who comes from a provider has no password here, whatever the way."""
    has_own = isinstance(holder, PersonRecord) and holder.provider is None
    return has_own and session is not None and session.way in sessions.CHOOSES_PASSWORD


def shape_of(parts: Parts, session: SessionRecord, caller: Caller) -> rest.Session:
    """The session as this caller sees it."""
    seen = parts.uses.seen(session)
    return rest.Session(
        id=session.id,
        name=session.who,
        kind=session.kind,
        way=session.way,
        began_at=session.began_at,
        seen_at=seen,
        ends_at=session.ends_at,
        idle_ends_at=sessions.idle_ends_at(session.kind, seen),
        address=session.address,
        program=session.program,
        present=session.id == caller.session_id,
    )
