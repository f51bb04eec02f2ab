"""A connection that is kept answers at once."""

import http.client
import ssl
import statistics
import time
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow

REQUESTS = 50
MOST_SECONDS = 0.020
"""Far more than an answer takes, and half of what it takes when it waits for a delayed acknowledgement."""


def seconds_of_each(url, ca, path, headers):
    """How long each of many requests took that followed each other on one connection."""
    place = urlsplit(url)
    context = ssl.create_default_context(cafile=str(ca))
    connection = http.client.HTTPSConnection(place.hostname, place.port, context=context, timeout=10)
    took = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        took.append(time.perf_counter() - began)
    connection.close()
    return took


def test_a_kept_connection_answers_a_small_request_in_milliseconds(made, start, record_property):
    headers = {"Authorization": f"Bearer {made.token}"}
    median = statistics.median(seconds_of_each(start().url, made.ca_file, "/api/vault", headers))
    record_property("median_milliseconds", round(1000 * median, 2))
    assert median < MOST_SECONDS
