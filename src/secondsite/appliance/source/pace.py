"""How fast the passes over a machine's disks go, and how long they will take."""

from .progress import SourceProgress


class Pace:
    """The pace since this process first saw the passes that run now."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None
        """When, and how many bytes of disks were left then."""

    def seconds_left(self, progress: SourceProgress, now: float, in_slice_bytes: int = 0) -> float | None:
        """Until all passes end, as of `now` in monotonic seconds; None without one, and before its pace is
        known. `in_slice_bytes`: what is done of the running slice. Call it again and again."""
        left = _left_bytes(progress, in_slice_bytes)
        if left is None:
            self._began = None
            return None
        if self._began is None or left > self._began[1]:
            self._began = now, left
        began, then = self._began
        return (now - began) * left / (then - left) if left < then else None


def _left_bytes(progress: SourceProgress, in_slice_bytes: int) -> int | None:
    """What is not passed over yet; None without a pass, or before the size of a disk is known."""
    passes = progress.passes.values()
    if not passes or not all(each.size_bytes for each in passes):
        return None
    return max(0, sum(each.size_bytes - each.position for each in passes) - in_slice_bytes)
