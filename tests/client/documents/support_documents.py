"""Documents applied as the command line does it."""

from pathlib import Path

from secondsite.client import documents


def prepare(remote, text, prune=False):
    given = documents.load(Path("shop.yaml"), text)
    return given, documents.prepare(remote, given, prune=prune)


def apply(remote, text, prune=False):
    """The changes that were made."""
    given, prepared = prepare(remote, text, prune)
    prepared.require()
    return list(documents.DocumentApplier(remote, prepared.present, given).run(prepared.changes))


def whats(changes):
    return [f"{each.action} {each.what}" for each in changes]
