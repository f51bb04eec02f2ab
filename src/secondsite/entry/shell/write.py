"""`python -m secondsite.entry.shell.write FOLDER [--zsh NAME]`: manual pages, and what bash, zsh and fish
complete, laid below a folder such as /usr, where `man` and each shell look for them. zsh looks in a folder of
another name below /usr/local: site-functions."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from . import bash, fish, manuals, zsh
from .words import NAME, tree


def files(zsh_folder: str) -> Iterator[tuple[str, str]]:
    """Where each lies below the folder, and what stands in it."""
    root = tree()
    for name, text in manuals.pages(root).items():
        yield f"share/man/man1/{name}", text
    yield f"share/bash-completion/completions/{NAME}", bash.script(root)
    yield f"share/zsh/{zsh_folder}/_{NAME}", zsh.script(root)
    yield f"share/fish/vendor_completions.d/{NAME}.fish", fish.script(root)


def write(folder: Path, zsh_folder: str) -> None:
    for name, text in files(zsh_folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write manual pages and what shells complete.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--zsh", default="vendor-completions", help="zsh's folder for them, by its name")
    given = parser.parse_args()
    write(given.folder, given.zsh)


if __name__ == "__main__":
    main()
