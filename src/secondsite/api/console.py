"""The web console: one page with its files, of which `console/` has the sources. What it shows it asks of
the API."""

from pathlib import Path

from .built_pages import Pages

BASE = "/console/"
BUILT = Path(__file__).parent / "built_console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types live"
)
"""What a page of the console may load and run: its own files only, no inline script or style, no text that
becomes a script."""


def pages(built: Path = BUILT) -> Pages:
    """Of the console that was built into that folder."""
    return Pages(BASE, built, POLICY, "The console has no such file.", one_page=True)
