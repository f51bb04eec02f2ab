"""The record of a replica, as files in its folder.

Its rooms:

    record                replica.json as one frozen value
    base_files            recorded states of files of others
    below_runs            recorded states of the layers below a run
    paths                 where the files lie
    manifest              everything that starting a machine from a point needs
    whose                 checks that a replica and its points belong to their machine
    firmware_store        firmware state, each content once
    replica_keys          the keys that open a replica
    encrypt_old_firmware  encrypts firmware state that an earlier release left plain
"""

from . import record

__all__ = ["record"]
