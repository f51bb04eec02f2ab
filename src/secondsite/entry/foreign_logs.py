"""Libraries log for each connection that goes wrong, and strangers can make as many of those as they like."""

import logging
import time
from collections.abc import Callable

EACH_SECONDS = 60.0
MOST_LINES = 10
FOREIGN = ("asyncio", "uvicorn", "websockets")


class FewLines(logging.Filter):
    """Of each line of their source a few lines a minute; the next one then says how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._began = clock()
        self._said: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in FOREIGN:
            return True
        if self._clock() - self._began > EACH_SECONDS:
            left_out = sum(max(0, said - MOST_LINES) for said in self._said.values())
            self._began, self._said = self._clock(), {}
            if left_out:
                record.left_out = left_out
        place = (record.pathname, record.lineno)
        self._said[place] = self._said.get(place, 0) + 1
        return self._said[place] <= MOST_LINES
