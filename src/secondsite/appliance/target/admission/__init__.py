"""Decides which cycles of a source are taken, and where they go.

Its rooms:

    admission  who may send which cycle
    direct     writes cycles of a pass without the inbox
    refusals   what a source is told when its replica cannot be used
"""

from .admission import Admission

__all__ = ["Admission"]
