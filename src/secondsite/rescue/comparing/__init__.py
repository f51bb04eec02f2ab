"""Whether a point holds what was sealed: its disks are read, and compared with the digests in its manifest.

verifying     a point, as a whole or as far as time is given
content       what a disk's chain of files holds, as QEMU reads it
digests       xxh3-128, by the library that is on every Debian
"""
