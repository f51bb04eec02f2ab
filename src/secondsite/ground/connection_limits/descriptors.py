"""Each connection is a file descriptor, and systemd gives a service 1,024 unless it asks for more."""

import resource


def ask_for(wanted: int) -> int:
    """Raise this process's limit of descriptors to `wanted`, or as far as it may; returns the limit that
    applies then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    able = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (able, hard))
    return able
