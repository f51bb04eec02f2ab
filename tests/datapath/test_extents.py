"""Extents against the plainest model there is: one character per byte of a small disk."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.datapath import extents
from secondsite.datapath.extents import Extent

pytestmark = pytest.mark.always

SIZE = 64
some_extents = st.lists(
    st.builds(Extent, st.integers(0, SIZE - 1), st.integers(0, 20), st.booleans()), max_size=12
).map(lambda found: [Extent(e.offset, min(e.length, SIZE - e.offset), e.zero) for e in found])


def model(found) -> list[str]:
    """Per byte: '.' nothing, 'D' data, 'Z' zero where all extents say so."""
    disk = ["."] * SIZE
    for extent in found:
        for at in range(extent.offset, extent.end):
            disk[at] = "Z" if extent.zero and disk[at] in ".Z" else "D"
    return disk


def is_tidy(found) -> bool:
    return all(e.length > 0 for e in found) and all(
        a.end < b.offset or (a.end == b.offset and a.zero is not b.zero) for a, b in itertools.pairwise(found)
    )


@given(some_extents)
def test_merged_extents_are_tidy_and_hold_the_same_bytes(found):
    merged = extents.merge(found)
    assert is_tidy(merged)
    assert model(merged) == model(found)


@given(some_extents, some_extents)
def test_a_union_holds_the_bytes_of_either(one, other):
    both = extents.union(one, other)
    assert is_tidy(both)
    assert model(both) == model([*one, *other])


@given(some_extents, st.integers(0, SIZE), st.integers(0, SIZE))
def test_an_intersection_keeps_what_lies_in_the_range(found, offset, length):
    kept = extents.intersect(found, offset, length)
    assert is_tidy(kept)
    wanted = [c if offset <= at < offset + length else "." for at, c in enumerate(model(found))]
    assert model(kept) == wanted


@given(some_extents, some_extents)
def test_a_difference_keeps_what_the_other_does_not_name(found, away):
    left = extents.subtract(found, away)
    assert is_tidy(left)
    wanted = ["." if other != "." else c for c, other in zip(model(found), model(away), strict=True)]
    assert model(left) == wanted


@given(some_extents, st.sampled_from([1, 4, 7, 16]), st.integers(1, SIZE))
def test_aligned_extents_cover_whole_blocks_and_never_call_unknown_bytes_zero(found, granularity, size):
    aligned = extents.align(found, granularity, size)
    assert is_tidy(aligned)
    for extent in aligned:
        assert extent.offset % granularity == 0
        assert extent.end % granularity == 0 or extent.end == size
    before, after = model(found)[:size], model(aligned)
    assert after[size:] == ["."] * (SIZE - size)
    for at, was in enumerate(before):
        assert not (was == "D" and after[at] != "D")
        assert not (after[at] == "Z" and was != "Z")
        block = before[at // granularity * granularity : at // granularity * granularity + granularity]
        assert (after[at] == ".") == (set(block) == {"."})


@given(some_extents, st.integers(1, 16))
def test_split_pieces_are_short_and_end_at_chunk_borders(found, most):
    merged = extents.merge(found)
    pieces = list(extents.split(merged, most))
    assert model(pieces) == model(merged)
    for piece in pieces:
        assert piece.offset // most == (piece.end - 1) // most
