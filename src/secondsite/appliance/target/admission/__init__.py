"""Cycles as they come from a source.

Its rooms:

    admission  who may send which cycle
    direct     cycles written without the inbox
    refusals   why nothing can be compared now
"""

from .admission import Admission

__all__ = ["Admission"]
