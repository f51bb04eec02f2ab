"""Frames: the one shape of what travels between appliances and of what lies in a cycle file.

Its rooms:

    frame         header, kinds, packings
    packed_frame  many small ranges in one frame
    codec         raw bytes to frames and back
    compression   decides whether to compress
"""

from . import codec, frame, packed_frame
from .compression import Choice, Learnt
from .frame import EncodedFrame, Frame, Header, Kind
from .packed_frame import Packer, Range

__all__ = [
    "Choice",
    "EncodedFrame",
    "Frame",
    "Header",
    "Kind",
    "Learnt",
    "Packer",
    "Range",
    "codec",
    "frame",
    "packed_frame",
]
