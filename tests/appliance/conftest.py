"""Two sites and a protected machine."""

from tests.support.sites import ca, make_site, pair, sites
from tests.support.small_stores import small

__all__ = ["ca", "make_site", "pair", "sites", "small"]
