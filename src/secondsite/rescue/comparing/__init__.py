"""Checks that a point has the content that was sealed: reads its disks, and compares them with the digests in
its manifest.

verifying     a point, as a whole or as far as time is given
content       what a disk's chain of files holds, as QEMU reads it
digests       xxh3-128, by the library that is on every Debian
"""
