"""What libraries log about strangers' connections is bounded."""

import logging

from secondsite.entry.logs import EACH_SECONDS, MOST_LINES, FewLines


def record(name, line):
    return logging.LogRecord(name, logging.WARNING, "library.py", line, "no request", (), None)


def test_of_a_library_s_line_a_few_are_logged_in_a_minute_and_of_our_own_all():
    now = [0.0]
    few = FewLines(lambda: now[0])
    assert sum(few.filter(record("uvicorn.error", 1)) for _ in range(1000)) == MOST_LINES
    assert sum(few.filter(record("asyncio", 2)) for _ in range(3)) == 3
    assert sum(few.filter(record("secondsite.vault", 3)) for _ in range(1000)) == 1000
    now[0] += EACH_SECONDS + 1
    after = record("uvicorn.error", 1)
    assert few.filter(after)
    assert vars(after)["left_out"] == 1000 - MOST_LINES
