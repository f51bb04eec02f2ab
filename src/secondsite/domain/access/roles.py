"""Who may do what: roles give permissions, a scope says where. This table alone decides.

The roles are those of Azure Site Recovery (Reader, Operator, Contributor), one that goes into machines of
drills, and one that manages access. A machine belongs to the scope of a site if that site is its source or
its target, so the scope does not change when the roles of the two sites swap. A machine that is not protected
yet belongs to its own site.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from .. import errors
from ..lifecycle import Verb


class Role(StrEnum):
    """The role of a token's holder."""

    READER = "reader"
    """Sees everything, changes nothing."""
    TESTER = "tester"
    """Sees everything, and goes into machines of drills for which it has a pass."""
    OPERATOR = "operator"
    """Runs drills, failovers, failbacks and their jobs; enables and disables no protection, changes no
    settings."""
    CONTRIBUTOR = "contributor"
    """Everything but managing access."""
    ACCESS_ADMINISTRATOR = "access_administrator"
    """Manages tokens and reads the audit log; has no access to machines."""


class Permission(StrEnum):
    """The permission that a call needs."""

    ENTER = "enter"
    """Any valid token."""
    READ = "read"
    """See sites, machines, points, jobs, settings."""
    TEST = "test"
    """Go into the machine of an open drill, with a pass for it."""
    OPERATE = "operate"
    """Drill, fail over, fail back, hold a point, cancel a job."""
    PROTECT = "protect"
    """Enable and disable protection, choose disks, form groups, release a point."""
    READ_FILES = "read_files"
    """Read the files of a machine, out of its points."""
    GIVE_UP = "give_up"
    """Go on without a site that is gone, or start an old copy all the same: data may be lost."""
    EQUIP = "equip"
    """Change a site's appliances, its bandwidth, and the resources that it gives to verification."""
    CONFIGURE = "configure"
    """Change what concerns several sites: sites, policies, network mappings, and the targets of notices."""
    READ_AUDIT = "read_audit"
    """Read the audit log."""
    MANAGE_ACCESS = "manage_access"
    """Manage tokens, and how long the audit log is kept."""


_READER = frozenset({Permission.ENTER, Permission.READ, Permission.READ_AUDIT})
_TESTER = _READER | {Permission.TEST}
_OPERATOR = _TESTER | {Permission.OPERATE}
GIVES: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.READER: _READER,
        Role.TESTER: _TESTER,
        Role.OPERATOR: _OPERATOR,
        Role.CONTRIBUTOR: _OPERATOR
        | {Permission.PROTECT, Permission.GIVE_UP, Permission.EQUIP, Permission.CONFIGURE}
        | {Permission.READ_FILES},
        Role.ACCESS_ADMINISTRATOR: frozenset(
            {Permission.ENTER, Permission.READ_AUDIT, Permission.MANAGE_ACCESS}
        ),
    }
)
OF_THE_WHOLE_VAULT = frozenset({Permission.CONFIGURE, Permission.READ_AUDIT, Permission.MANAGE_ACCESS})
"""Permissions that a token limited to one site cannot have."""

NEEDS: Mapping[Verb, Permission] = MappingProxyType(
    {
        Verb.ENABLE_PROTECTION: Permission.PROTECT,
        Verb.DISABLE_PROTECTION: Permission.PROTECT,
        Verb.INCLUDE_DISK: Permission.PROTECT,
        Verb.EXCLUDE_DISK: Permission.PROTECT,
        Verb.TEST_FAILOVER: Permission.OPERATE,
        Verb.CLEANUP_TEST_FAILOVER: Permission.OPERATE,
        Verb.FAILOVER: Permission.OPERATE,
        Verb.PLANNED_FAILOVER: Permission.OPERATE,
        Verb.CHANGE_RECOVERY_POINT: Permission.OPERATE,
        Verb.COMMIT: Permission.OPERATE,
        Verb.CANCEL_FAILOVER: Permission.OPERATE,
        Verb.REPROTECT: Permission.OPERATE,
        Verb.RESYNCHRONIZE: Permission.OPERATE,
        Verb.UPDATE_NAMES: Permission.OPERATE,
        Verb.SETTLE: Permission.OPERATE,
        Verb.MOVE_REPLICA: Permission.OPERATE,
    }
)
"""The permission that each verb needs; giving up a site needs GIVE_UP as well."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Roles in the whole vault, or in one site."""

    roles: tuple[Role, ...]
    site: str | None = None

    def may(self, permission: Permission) -> bool:
        if self.site is not None and permission in OF_THE_WHOLE_VAULT:
            return False
        return any(permission in GIVES[role] for role in self.roles)

    def sees(self, *sites: str | None) -> bool:
        """Whether a thing of these sites is in its scope."""
        return self.site is None or self.site in sites


EVERYTHING = Grant((Role.CONTRIBUTOR, Role.ACCESS_ADMINISTRATOR))
"""The grant of the first token, and of the vault itself."""


_TYPED: Mapping[Role, str] = MappingProxyType(
    {
        Role.READER: "'secondsite token create NAME --role reader'",
        Role.TESTER: "'secondsite token create NAME --role tester'",
        Role.OPERATOR: "'secondsite token create NAME --role operator'",
        Role.CONTRIBUTOR: "'secondsite token create NAME --role contributor'",
        Role.ACCESS_ADMINISTRATOR: "'secondsite token create NAME --role access_administrator'",
    }
)


def needs_second_factor(grant: Grant) -> bool:
    """Whether it has a role above reader."""
    return any(role is not Role.READER for role in grant.roles)


def without_second_factor(grant: Grant) -> Grant:
    """What is left of it for whoever showed no second factor where one is needed: to read what it may
    read."""
    reads = any(Permission.READ in GIVES[role] for role in grant.roles)
    return Grant((Role.READER,) if reads else (), grant.site)


def roles_with(permission: Permission) -> Sequence[Role]:
    return [role for role in Role if permission in GIVES[role]]


def require(grant: Grant, who: str, permission: Permission, what: str) -> None:
    """Raises Forbidden, which names the token, the permission that is missing, and the roles that have it."""
    if grant.may(permission):
        return
    needs = " or ".join(role.value for role in roles_with(permission))
    where = " in the whole vault" if permission in OF_THE_WHOLE_VAULT else ""
    raise errors.Forbidden(
        f"Token '{who}' ({described(grant)}) may not {what}: that needs the permission "
        f"'{permission}'{where}, which the role {needs} has.",
        do=f"Ask an access administrator for a token: {_TYPED[roles_with(permission)[0]]}.",
    )


def described(grant: Grant) -> str:
    """The grant in words, such as 'operator of site a'."""
    roles = ", ".join(grant.roles)
    return f"{roles} of site {grant.site}" if grant.site else roles


def checked(roles: Sequence[Role], site: str | None) -> Grant:
    """The grant of these roles. Raises InvalidArgument for no role, or an access administrator of one
    site."""
    if not roles:
        raise errors.InvalidArgument("A token needs a role.", do=f"Give one or several: {', '.join(Role)}.")
    if site is not None and Role.ACCESS_ADMINISTRATOR in roles:
        raise errors.InvalidArgument(
            (
                "An access administrator cannot be limited to one site: whoever makes tokens can make one of "
                "the whole vault."
            ),
            do="Leave out the site, or the role.",
        )
    return Grant(tuple(role for role in Role if role in roles), site)
