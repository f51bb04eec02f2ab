"""How near a copy is to its end while its machine writes."""

from secondsite.domain.prediction.nearing import Nearing


def looked(*seen):
    nearing = Nearing()
    for at, (copied, whole) in enumerate(seen):
        nearing.look(copied, whole, 1000.0 + 10 * at)
    return nearing


def test_a_copy_that_shrinks_says_how_far_it_is_and_how_long_it_takes_at_its_pace():
    nearing = looked((0, 100), (20, 100), (40, 100))
    assert (nearing.share, nearing.left_bytes, nearing.seconds_left()) == (0.4, 60, 30.0)
    assert nearing.stood_seconds(1021.0) == 1.0


def test_what_is_written_meanwhile_is_left_again_and_is_no_progress():
    nearing = looked((0, 100), (50, 100), (60, 110), (90, 145), (120, 175))
    assert (nearing.share, nearing.left_bytes) == (0.5, 55)
    assert nearing.stood_seconds(1130.0) == 120.0


def test_a_copy_that_goes_on_after_a_restart_is_as_far_as_it_was_and_its_pace_is_the_new_one():
    nearing = looked((80, 100), (90, 100))
    assert (round(nearing.share, 6), nearing.seconds_left()) == (0.9, 10.0)


def test_nothing_is_said_of_the_pace_before_anything_was_seen():
    assert Nearing().share == 0.0
    assert [looked(one).seconds_left() for one in ((0, 0), (0, 100))] == [None, None]


def test_a_disk_whose_size_is_told_later_begins_it_anew():
    nearing = looked((1, 1), (0, 100), (25, 100))
    assert (nearing.share, nearing.left_bytes) == (0.25, 75)
