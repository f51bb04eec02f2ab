"""The manual, as the vault shows it to whoever has no other: `docs/` as a site, which `manual/` builds.

It is of the same origin as the console. So it has a policy of its own, which the build writes: the few
scripts within its pages run by their digests, and no others do.
"""

from pathlib import Path

from .built_pages import INDEX, Pages

BASE = "/manual/"
BUILT = Path(__file__).parent / "built_manual"
POLICY_FILE = "content-security-policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'"
NOT_BUILT = (
    "This vault has no manual: it runs from a checkout in which nobody built one.\n"
    "Next: './dev manual' there, then 'deploy/install vault' again. The Debian packages have it inside.\n"
    "The same pages lie in the folder docs of the checkout."
)


def pages(built: Path = BUILT) -> Pages:
    """Of the manual that was built into that folder; if there is none, each of its pages says how to get
    it."""
    policy = built / POLICY_FILE
    is_built = policy.is_file()
    missing = f"The manual has no such page. Its first one: {BASE}{INDEX}" if is_built else NOT_BUILT
    return Pages(BASE, built, policy.read_text().strip() if is_built else NOTHING, missing)
