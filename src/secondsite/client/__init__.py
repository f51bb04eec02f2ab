"""The Python client of the vault's REST API: what the command line uses, and any script may."""

from .shapes import NewToken, TokenName
from .vault import VaultClient

__all__ = ["NewToken", "TokenName", "VaultClient"]
