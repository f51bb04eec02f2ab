"""Reading a recovery point again, as a person asks for it."""

import pytest

pytestmark = pytest.mark.slow


def test_a_point_is_verified_with_one_sentence_and_shown_so(cli, protected):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    assert f"point {point_id} is what was sealed" in cli.must(f"point verify {protected} {point_id}").out
    assert "accepted" in cli.must(f"point verify {protected} {point_id} --no-wait").out
    assert cli.must(f"point verify {protected} {point_id} --json").json["verb"] == "verify_point"
    assert cli(f"point verify {protected} nothing").exit == 3
