"""Wait for a fact with a deadline."""

from rig.eventually import eventually

__all__ = ["eventually"]
