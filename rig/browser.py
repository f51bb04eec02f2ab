"""A headless Chromium of Debian's, driven by Playwright out of an environment of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secondsite.ground import lockfile

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("--no-sandbox", "--disable-gpu", "--ignore-certificate-errors")
KEEPS_NO_PAGES = "--disable-back-forward-cache"
"""What Playwright starts a browser with, and nobody else does."""


@contextmanager
def chromium(*, keeps_pages: bool = False) -> Iterator[Any]:
    """Playwright's Browser. `keeps_pages`: for Back, as people's browsers do. As long as
    it is there, an event loop runs in this thread. Chromium is there already: requirements/chromium.txt."""
    _require_playwright()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[*FLAGS],
            ignore_default_args=[KEEPS_NO_PAGES] if keeps_pages else None,
        )
        yield browser
        browser.close()


def _require_playwright() -> None:
    """As requirements/browser.txt locks it, beside the environment of everything else."""
    venv, locked = ROOT / ".cache/browser", ROOT / "requirements/browser.txt"
    done = venv / "installed"
    venv.mkdir(parents=True, exist_ok=True)
    with (venv.parent / "browser.lock").open("w") as lock:
        lockfile.wait_alone(lock.fileno())
        if not done.exists() or done.read_text() != locked.read_text():
            folder = f"--target={venv / 'packages'}"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--upgrade", folder]
            subprocess.run([*pip, "--require-hashes", "-r", locked], check=True, timeout=600)
            done.write_text(locked.read_text())
    sys.path.append(str(venv / "packages"))
