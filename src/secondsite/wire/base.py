"""What all shapes share."""

from pydantic import BaseModel, ConfigDict

from ..domain import errors


class Shape(BaseModel):
    """Frozen; unknown fields of a newer neighbour are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Problem(Shape):
    """An error as it crosses a process."""

    code: str
    message: str
    do: str

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Any exception as a Problem; one that is not ours becomes 'internal' with its type and text."""
        if all(hasattr(error, name) for name in ("code", "message", "do")):
            return cls(code=error.code, message=error.message, do=error.do)  # type: ignore[attr-defined]
        return cls(code="internal", message=f"{type(error).__name__}: {error}", do=errors.Internal.default_do)

    def raised(self) -> errors.SecondsiteError:
        """The error to raise on this side."""
        return errors.from_wire(self.code, self.message, self.do)
