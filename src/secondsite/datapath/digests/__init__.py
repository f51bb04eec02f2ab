"""Digests of the content of disks: xxh3-128 of pages and blocks, in memory and in files.

Its rooms:

    hashes        digests of bytes, pages and blocks
    cache         what the target is known to have, page by page
    cache_file    the digests of one disk in a cache
    digest_map    digests of every block of a replica's disk
    scan          reads a whole disk in blocks
"""

from . import cache, hashes, scan
from .cache import DigestCache
from .cache_file import DigestCacheFile
from .digest_map import DigestMap, RunningDigest
from .hashes import Bytes, DigestSource, digest, zero_digests
from .scan import Asked, Told

__all__ = [
    "Asked",
    "Bytes",
    "DigestCache",
    "DigestCacheFile",
    "DigestMap",
    "DigestSource",
    "RunningDigest",
    "Told",
    "cache",
    "digest",
    "hashes",
    "scan",
    "zero_digests",
]
