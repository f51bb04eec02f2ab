"""One agent as an appliance knows it."""

import dataclasses

ID = "11111111-2222-3333-4444-555555555555"


@dataclasses.dataclass
class Known:
    agent_id: str = ID
    name: str = "server"
    connected: bool = True
    heard_at: object = None
    rescue: bool = False
    said_goodbye: bool = False
    hello: dict[str, bool] = dataclasses.field(default_factory=dict)
    beside: dict[str, bool] | None = None
    revoked: bool = False
    is_shut_out: bool = False
