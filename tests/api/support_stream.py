"""The REST face on a real port, and streams of events from it."""

import contextlib
import json
import socket
import threading
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn

from rig.eventually import eventually


@contextlib.contextmanager
def served(app):
    """The address at which the application answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@dataclass(frozen=True)
class Seen:
    """One event, or a comment."""

    id: str | None
    name: str | None
    data: dict[str, Any] | None


@contextlib.contextmanager
def stream(url, token, path, last=None, seconds=20, **params):
    """Yields an iterator over the events of a stream; raises ReadTimeout when nothing comes for so many
    seconds."""
    headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": last} if last else {})}
    timeout = httpx2.Timeout(10, read=seconds)
    with httpx2.stream("GET", f"{url}/api{path}", headers=headers, params=params, timeout=timeout) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines):
    found = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            found[name] = value.strip()
        elif found:
            data = json.loads(found["data"]) if "data" in found else None
            yield Seen(found.get("id"), found.get("event"), data)
            found = {}
