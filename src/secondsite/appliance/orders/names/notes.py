"""What names pointed to before a verb changed them: durable before the change, so that the order's repeat after a crash says it too."""

import json

from ..context import Context

KEY = "names-before/"


class Notes:
    """Of one machine, by the verb that has it now."""

    def __init__(self, context: Context) -> None:
        self._state, self._key = context.state, KEY + context.machine_id
        self._generation = context.order.generation
        said = json.loads(context.state.fact(self._key) or "{}")
        self._names: dict[str, str] = said["names"] if said.get("generation") == self._generation else {}

    def of(self, name: str) -> str | None:
        return self._names.get(name)

    def put(self, name: str, before: str | None) -> None:
        """What it was at first counts."""
        if before is not None and name not in self._names:
            self._names[name] = before
            said = {"generation": self._generation, "names": self._names}
            self._state.put_fact(self._key, json.dumps(said))
