"""What a word, a path, a device or an address in a machine's words may look like. They end up in sentences
and commands that people read and type: no quotes, no control characters, nothing that a shell takes."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from ....wire.common.base import Shape
from ....wire.common.numbers import BoundedTuple

STRICT = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)
MOST_DISKS = 1000
MOST_CARDS = 64
MOST_KERNELS = 16
MOST_DRIVERS = 32
MOST_FEW = 16
MOST_FILE_SYSTEMS = 128


class Told(Shape):
    """Something that an agent told: nothing is taken for what it is not, such as a text for a number."""

    model_config = STRICT


Word = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_.:+@-]*$")]
"""A kind, a driver, a release, the name of a card."""
DiskKey = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""By what the agent knows a disk again."""
Path = Annotated[str, Field(max_length=255, pattern=r"^(/[A-Za-z0-9_.:+@ /-]*)?$")]
"""A file, a folder or a device of the machine; empty if there is none."""
Address = Annotated[str, Field(pattern=r"^[0-9A-Fa-f.:]{2,45}(/\d{1,3})?$")]
"""An address of either kind, with or without a prefix."""
Mac = Annotated[str, BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
                Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]  # fmt: skip
Few = BoundedTuple(MOST_FEW)
