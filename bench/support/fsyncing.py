"""Writes 64 KiB at places of a file by chance, each made durable; the standard library only.

    python fsyncing.py FILE SECONDS BYTES_PER_SECOND

As fast as it can if the rate is 0. Then it says how much, and the 99th of a hundred of the times.
"""

import json
import os
import random
import sys
import time

PIECE, FILE_BYTES = 64 << 10, 128 << 20


def main() -> None:
    path, seconds, rate = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    file, chance = os.open(path, os.O_RDWR | os.O_CREAT, 0o600), random.Random(7)
    os.posix_fallocate(file, 0, FILE_BYTES)
    data, began = chance.randbytes(PIECE), time.monotonic()
    times: list[float] = []
    while (now := time.monotonic()) < began + seconds:
        if rate and (early := began + len(times) * PIECE / rate - now) > 0:
            time.sleep(early)
        at = time.monotonic()
        os.pwrite(file, data, chance.randrange(FILE_BYTES // PIECE) * PIECE)
        os.fdatasync(file)  # noqa: TID251  what it costs is what is measured
        times.append(time.monotonic() - at)
    took = time.monotonic() - began
    p99 = sorted(times)[len(times) * 99 // 100] * 1000
    print(json.dumps({"mb_per_second": len(times) * PIECE / took / 1e6, "p99_ms": p99}))


if __name__ == "__main__":
    main()
