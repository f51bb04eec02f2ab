"""What the faces (REST, console) may call: one class per noun, plain shapes in and out, domain errors only.

A face holds one `VaultFacade`. Reads take a view of one instant; writes are one transaction each. Only
discovery waits for an appliance, and it has a deadline.

    vault     all nouns on the same parts
    nouns/    one class per noun
    shared/   what several of them need
    parts     what all are built on
    acts      what is on record of a request
    refusals  refused attempts on record, few entries for many
    second_person  what waits for approval, until it is carried out
    callers   who asks
    holders   whose token it is
    waiting   how many requests may wait at once
"""

from .vault import VaultFacade, assemble

__all__ = ["VaultFacade", "assemble"]
