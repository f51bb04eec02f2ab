"""The facade: what REST and console may call. One class per noun, plain shapes in and out, domain errors
only.

A caller holds one `VaultFacade`. Reads take a view of one instant; writes are one transaction each. Only
calls that ask an appliance wait, and they have a deadline.

    vault          all nouns, on the same parts
    nouns/         one class per noun
    shared/        what several nouns need
    parts          what all nouns are built on
    acts           the audit log's entry of a request
    refusals       entries for refused attempts, few for many
    second_person  requests that wait for approval, until they are carried out
    callers        the caller of a request
    holders        whom a secret belongs to
    attempts       log-ins that failed slow the next ones
    waiting        how many requests may wait at once, and which share an answer
"""

from .nouns.drilling.ways import OpenDrillWay
from .nouns.points import FilesOnTheWay
from .vault import VaultFacade, assemble

__all__ = ["FilesOnTheWay", "OpenDrillWay", "VaultFacade", "assemble"]
