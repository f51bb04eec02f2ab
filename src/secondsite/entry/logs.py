"""Logs of a process: one JSON object per line on stderr, from our own code and from libraries."""

import logging
import sys

import structlog

from ..ground import threads
from .foreign_logs import FewLines

log = structlog.get_logger()

SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(["left_out"]),
)


def configure(level: int = logging.INFO) -> None:
    """Call once, before anything logs."""
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
