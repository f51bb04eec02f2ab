"""Sizes, rates and spans: what people type is understood, what is shown can be typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import amounts, errors

WHOLE = st.integers(0, 10**15)
SECONDS = st.one_of(st.integers(0, 10**9), st.integers(0, 10**9).map(lambda thousandths: thousandths / 1000))


@given(WHOLE)
def test_an_exact_size_is_read_back_as_it_was(count):
    assert amounts.parse_size(amounts.exact_size(count)) == count


@given(st.none() | WHOLE)
def test_an_exact_rate_is_read_back_as_it_was(rate):
    assert amounts.parse_rate(amounts.exact_rate(rate)) == rate


@given(SECONDS)
def test_an_exact_span_is_read_back_as_it_was(seconds):
    assert amounts.parse_span(amounts.exact_span(seconds)) == seconds


@given(WHOLE)
def test_a_rounded_size_is_near_and_can_be_typed(count):
    assert amounts.parse_size(amounts.size(count)) == pytest.approx(count, rel=0.051, abs=1)
    assert amounts.parse_rate(amounts.rate(count)) == amounts.parse_size(amounts.size(count))


@given(SECONDS)
def test_a_rounded_span_is_near_and_can_be_typed(seconds):
    assert amounts.parse_span(amounts.span(seconds)) == pytest.approx(seconds, rel=0.17, abs=0.051)


@pytest.mark.parametrize(
    ("text", "count"),
    [("2GiB", 2 * 2**30), ("100 MB", 100_000_000), ("100mb", 100_000_000), ("1.5 kib", 1536),
    ("65536", 65536),
     (" 8 B ", 8), ("0", 0)],
)  # fmt: skip
def test_a_size_is_read_as_people_write_it(text, count):
    assert amounts.parse_size(text) == count


@pytest.mark.parametrize(
    ("text", "rate"),
    [("100MB", 100_000_000), ("100 MB/s", 100_000_000), ("1.5 GiB/s", 3 * 2**29), ("200Mbit", 25_000_000),
     ("200 mbit / s", 25_000_000), ("65536", 65536), ("Unlimited", None)],
)  # fmt: skip
def test_a_rate_is_read_as_people_write_it(text, rate):
    assert amounts.parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("0.3", 0.3), ("90s", 90), ("15m", 900), ("15min", 900), ("72h", 259_200), ("7d", 604_800),
     ("1h30m", 5400), ("1 h 30 min", 5400), ("250ms", 0.25), ("14 days", 1_209_600)],
)  # fmt: skip
def test_a_span_is_read_as_people_write_it(text, seconds):
    assert amounts.parse_span(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "fast", "10 parsecs", "-5MB", "100Mb", "80 Mbps", "80mbps", "1e6", "5 MB MB"]
)
@pytest.mark.parametrize(
    ("parse", "example"), [(amounts.parse_size, "2GiB"), (amounts.parse_rate, "200Mbit/s")]
)
def test_what_is_no_size_and_no_rate_is_refused_with_examples(parse, example, text):
    with pytest.raises(errors.InvalidArgument) as refused:
        parse(text)
    assert text in refused.value.message
    assert example in refused.value.do


@pytest.mark.parametrize("text", ["", "a while", "-5m", "5 5m", "5m 5", "7 fortnights", "1e3"])
def test_what_is_no_span_is_refused_with_examples(text):
    with pytest.raises(errors.InvalidArgument, match="not a span") as refused:
        amounts.parse_span(text)
    assert "1h30m" in refused.value.do


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.02, "20 ms"), (2.6, "2.6 s"), (5, "5 s"), (90, "1 min 30 s"), (900, "15 min"),
     (86400, "24 h"), (5400, "1 h 30 min"), (1209600, "14 days")],
)  # fmt: skip
def test_spans_read_well(seconds, said):
    assert amounts.span(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (139_200_000, "139.2 MB"),
        (999_960, "1.0 MB"),
        (2e12, "2.0 TB"),
    ],
)
def test_sizes_read_well(count, said):
    assert amounts.size(count) == said


def test_exact_amounts_read_well():
    assert [amounts.exact_size(each) for each in (0, 65536, 10**8, 1234567)] == [
        "0 B", "64 KiB", "100 MB", "1234567 B",
    ]  # fmt: skip
    assert [amounts.exact_span(each) for each in (0, 0.3, 86400, 93784.5)] == [
        "0 s", "0.3 s", "1 d", "1 d 2 h 3 min 4.5 s",
    ]  # fmt: skip
