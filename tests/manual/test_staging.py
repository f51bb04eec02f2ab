"""Pages of docs/ and of the root are laid out so that their links fit."""

import pytest

from manual import staging


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("docs/README.md", "[a](guide/drill.md)", "[a](guide/drill.md)"),
        ("docs/README.md", "[a](../README.md)", "[a](project/README.md)"),
        ("docs/guide/drill.md", "[a](../README.md#the-worst-hour)", "[a](../index.md#the-worst-hour)"),
        ("docs/guide/drill.md", "[a](../../CHANGELOG.md)", "[a](../project/CHANGELOG.md)"),
        ("README.md", "[a](docs/guide/drill.md)", "[a](../guide/drill.md)"),
        ("README.md", "[a](CONTRIBUTING.md)", "[a](CONTRIBUTING.md)"),
        ("README.md", "[a](LICENSE)", "[a] (`LICENSE`)"),
        ("docs/guide/drill.md", "[a](#below)", "[a](#below)"),
    ],
)
def test_a_link_leads_to_the_same_page_in_the_manual(page, text, expected):
    assert staging.linked(text, page) == expected


def test_every_page_of_docs_is_part_of_it(tmp_path):
    staging.stage(tmp_path)
    for page in (staging.ROOT / "docs").rglob("*.md"):
        assert (tmp_path / (staging.place(page.relative_to(staging.ROOT).as_posix()) or "")).is_file()
