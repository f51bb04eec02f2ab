"""Logs of a process: one JSON object per line on stderr, from our own code and from libraries."""

import logging
import sys
import time
from collections.abc import Callable

import structlog

from ..ground import threads

log = structlog.get_logger()

SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(["left_out"]),
)


def configure(level: int = logging.INFO) -> None:
    """Set up logging; call it once, before anything logs."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(FewLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    threads.tell_deaths(lambda name, error: log.error("thread.died", thread=name, exc_info=error))
    for chatty in ("alembic", "websockets", "uvicorn.access", "httpx2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


# Libraries log for each connection that goes wrong, and strangers can make as many of those as they like.

EACH_SECONDS = 60.0
MOST_LINES = 10
FOREIGN = ("asyncio", "uvicorn", "websockets")


class FewLines(logging.Filter):
    """Lets each line of a library's source log a few times a minute; the next line then says how many were
    left out."""

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
