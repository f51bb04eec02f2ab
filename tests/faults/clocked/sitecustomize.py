"""For Python processes under libfaketime 0.9.10, whose clock_nanosleep refuses every absolute time;
time.sleep of Python 3.11 uses no other. All other waits of Python and of the product end by themselves as
they should."""

import select
import time


def _sleep(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        select.select((), (), (), left)


vars(time)["sleep"] = _sleep
