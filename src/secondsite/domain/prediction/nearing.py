"""How near a copy is to its end, while its machine writes: what it writes to what was copied is left again,
so the end moves away, and may never come. Pure."""


class Nearing:
    """Since the first `look`."""

    def __init__(self) -> None:
        self.left_bytes = self._most = self._first = self._least = 0
        self._began_at = self._neared_at = 0.0

    def look(self, copied: int, whole: int, now: float) -> None:
        """What is copied, of how many bytes, as of `now` in monotonic seconds. Call it again and again."""
        left = self.left_bytes = max(0, whole - copied)
        if not self._most or left > self._most:
            self._most, self._first, self._began_at = max(whole, left), left, now
        elif left >= self._least:
            return
        self._least, self._neared_at = left, now

    @property
    def share(self) -> float:
        """How much is done, 0 to 1; it never falls while what is left is less than there ever was."""
        return 1.0 - self._least / self._most if self._most else 0.0

    def seconds_left(self) -> float | None:
        """At the pace so far; None before that is known."""
        done, took = self._first - self._least, self._neared_at - self._began_at
        return took * self.left_bytes / done if done > 0 and took > 0 else None

    def stood_seconds(self, now: float) -> float:
        """How long it has not come nearer."""
        return now - self._neared_at
