"""Several walkers side by side: each a process, with its own fork server, that takes one episode after the
other."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")
PER_CORE = 3
"""They wait for processes more than they compute."""


def usual() -> int:
    """How many walk side by side on this machine unless somebody says it."""
    return PER_CORE * (os.cpu_count() or 1)


def taken(
    take: Callable[..., T],
    begin: Callable[[int], tuple[Any, ...]],
    wanted: Callable[[int], bool],
    side_by_side: int,
) -> Iterator[T]:
    """What each episode came to: number 1, 2, ... as long as one more is `wanted` beside those under way.
    `begin` gives what `take` is called with."""
    if side_by_side == 1:
        yield from _one_by_one(take, begin, wanted)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(side_by_side, mp_context=context) as pool:
        under_way: set[Future[T]] = set()
        number = 0
        while True:
            while len(under_way) < side_by_side and wanted(len(under_way)):
                number += 1
                under_way.add(pool.submit(take, *begin(number)))
            if not under_way:
                return
            ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for each in ended:
                yield each.result()


def _one_by_one(
    take: Callable[..., T], begin: Callable[[int], tuple[Any, ...]], wanted: Callable[[int], bool]
) -> Iterator[T]:
    number = 0
    while wanted(0):
        number += 1
        yield take(*begin(number))
