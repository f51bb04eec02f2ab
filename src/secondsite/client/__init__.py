"""The Python client of the vault's REST API: what the command line uses, and any script may."""

from .vault import VaultClient

__all__ = ["VaultClient"]
