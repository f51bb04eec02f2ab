"""Bytes: extents, NBD disks, frames over mutual TLS, cycle files, and the replica's chain of overlays.

A cycle leaves the source through `sender`, is taken in by `receiver` as one durable file (`cycle_file`)
and waits there for the replica to apply it. This package knows nothing of the rest of secondsite.
"""
