"""What is true about a replica, as files in its folder.

Its rooms:

    record                replica.json as one frozen value
    base_files            what files of others looked like
    below_runs            what layers below a run looked like
    paths                 where the files lie
    manifest              all that is needed to start a machine from a point
    whose                 a replica and its points are those of the machine that they are taken for
    firmware_store        firmware state, each content once
    replica_keys          which keys open a replica
    encrypt_old_firmware  firmware state that an earlier release left plain
"""

from . import record

__all__ = ["record"]
