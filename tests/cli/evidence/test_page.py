"""The page of evidence says what the JSON says, and nothing in the JSON steers it."""

import base64
import hashlib
import os
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pydantic import ValidationError

from secondsite.cli.nouns.evidence.page import page

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(2)'>",
    "'-->]]></style></title><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}",
    "a\x00b\x1b[31mc\x07\x85",
    "\u202egpj.exe\u2066\u200f\u061c\ufeff",
    "x" * (3 << 20),
)
STEERING = "\x00\x07\x1b\x85\u202e\u2066\u200f\u061c\ufeff"


class Seen(HTMLParser):
    """Its elements with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.said = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.said).split())


def with_text(value, hostile):
    """Each text of a document is the hostile one, but those that say which kind of thing it is."""
    if isinstance(value, dict):
        kept = ("sha256", "id", "verb", "state", "asked_at", "ended_at", "started_at")
        return {
            key: each if key in kept and isinstance(each, str) else with_text(each, hostile)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [with_text(each, hostile) for each in value]
    return hostile if isinstance(value, str) else value


def made(document, file_of, **more):
    text = page(file_of(document, **more), NOW)
    if folder := os.environ.get("SECONDSITE_KEEP_PAGES"):
        (Path(folder) / "page.html").write_text(text)
    return text


def test_it_says_the_verdict_the_machines_the_times_and_who(document, file_of):
    seen = Seen(made(document, file_of)).text
    for words in (
        "Succeeded, but not all was as it should be", "3 machines", "2 min 20 s",
        "Proven to be usable 2 of 3", "goal 15 min: met", "Not proven to be usable: web01",
        "goal 2 min: not proven",
        "digest of its data: not computed", "status 503, not 200", "Move the traffic to Bremen",
        "moved; the shop answers",
        "Answered by bob", "The yearly drill.", "approval of a second person", "secondsite evidence verify",
    ):  # fmt: skip
        assert words in seen, words


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_what_others_wrote_is_text_and_nothing_else(document, file_of, hostile):
    harmless = Seen(made(with_text(document, "harmless"), file_of))
    text = made(with_text(document, hostile), file_of)
    found = Seen(text)
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in harmless.elements]
    assert {name for _, attributes in found.elements for name in attributes} == {
        name for _, attributes in harmless.elements for name in attributes
    }
    assert not set(STEERING) & set(text)
    text.encode("utf-8")
    assert len(text) < 2 << 20


def test_half_of_a_character_gets_into_no_file(document, file_of):
    with pytest.raises(ValidationError, match="surrogates not allowed"):
        file_of(with_text(document, "half \ud800 of one"))


def test_nothing_is_loaded_from_elsewhere_and_no_script_is_in_it(document, file_of):
    elements = Seen(made(document, file_of)).elements
    assert not {"script", "link", "iframe", "object", "embed"} & {tag for tag, _ in elements}
    sources = [attributes["src"] for _, attributes in elements if "src" in attributes]
    assert len(sources) == 3
    assert all(each.startswith("data:image/png;base64,") for each in sources)
    policies = [attributes["content"] for tag, attributes in elements if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_on_a_narrow_screen_each_cell_stands_below_the_other_and_says_what_it_is(document, file_of):
    text = made(document, file_of)
    narrow = text.partition("@media screen and (max-width: 640px)")[2].partition("@media print")[0]
    assert "td { display: block" in narrow
    assert "thead, colgroup { display: none; }" in narrow
    named = {attributes["data-of"] for _, attributes in Seen(text).elements if "data-of" in attributes}
    assert {"Recovery point", "RPO, work lost", "RTO, time until use", "Began (UTC)", "Lasted"} <= named


def test_a_picture_that_is_missing_another_one_or_none_is_not_shown(document, file_of):
    file = file_of(document)
    wanted, text = document["machines"][0]["picture"]["sha256"], b"<svg onload=alert(1)>"
    for changed in (
        {key: each for key, each in file.pictures.items() if key != wanted},
        {**file.pictures, wanted: base64.b64encode(text).decode()},
        {**file.pictures, wanted: "not base64"},
    ):
        seen = Seen(page(file.model_copy(update={"pictures": changed}), NOW))
        assert len([tag for tag, _ in seen.elements if tag == "img"]) == 2
        assert "This evidence was changed" in seen.text
    document["machines"][0]["picture"]["sha256"] = hashlib.sha256(text).hexdigest()
    seen = Seen(page(file_of(document, pictures=(text,)), NOW))
    assert "img" not in [tag for tag, _ in seen.elements]


def test_changed_evidence_says_so_at_its_top(document, file_of):
    file = file_of(document)
    file.evidence["machines"][2]["proof"]["proven"] = True
    assert "This evidence was changed since the audit log took it" in Seen(page(file, NOW)).text


@pytest.mark.parametrize("value", [None, 1, "text", [], {}, [1, None, "x"], True])
def test_words_of_another_release_make_a_page_too(document, file_of, value):
    for key in list(document):
        assert "How to verify this" in made({**document, key: value}, file_of)
    for key in list(document["machines"][0]):
        one = {**document["machines"][0], key: value}
        assert "How to verify this" in made({**document, "machines": [one]}, file_of)


def test_of_a_thousand_machines_those_are_shown_in_full_of_which_something_is_to_be_noted(document, file_of):
    document["machines"] = [{**document["machines"][0], "id": str(number)} for number in range(999)] + [
        document["machines"][2]
    ]
    seen = Seen(made(document, file_of))
    assert len([tag for tag, _ in seen.elements if tag == "section"]) == 1
    assert "those of which something is to be noted: 1" in seen.text
