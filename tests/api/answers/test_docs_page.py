"""The description of the API as people see it in a browser, on a telephone too."""

from secondsite.api import app

TEXT = "All calls need `a token`.\n\n- **Words**: POST\n  creates.\n- **Jobs**: <b> is text.\n"
DOCUMENT = {"info": {"title": "secondsite", "version": "1", "description": TEXT}, "paths": {}}


def test_what_is_written_as_markdown_is_shown_as_what_it_means():
    page = app.page(DOCUMENT)
    assert "<p>All calls need <code>a token</code>.</p>" in page
    assert "<li><b>Words</b>: POST creates.</li><li><b>Jobs</b>: &lt;b&gt; is text.</li>" in page
    assert "**" not in page


def test_a_telephone_shows_it_as_wide_as_it_is():
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in app.page(DOCUMENT)
