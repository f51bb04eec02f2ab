"""A vault that answers what the test lists."""

import httpx2

from secondsite.client import Connection, Vault
from secondsite.wire import rest


class Scripted(httpx2.BaseTransport):
    """Answers what the test lists, in that order; an exception is raised."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def handle_request(self, request):
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(tmp_path, *answers):
    transport = Scripted(*answers)
    return Vault(Connection("https://vault", "token", tmp_path / "ca.pem", transport)), transport


def job(state, **changes):
    values = {
        "id": "j1", "verb": "failover", "subject_name": "web01", "state": state, "sentence": "on its way",
        "requested_by": "anna", "created_at": "2026-11-20T12:00:00Z",
    }  # fmt: skip
    return rest.Job.model_validate({**values, **changes})


def shown(job):
    return httpx2.Response(200, content=job.model_dump_json())


def events(*told, ids=""):
    names = [f"id: {name}\n" for name in ids] or [""] * len(told)
    lines = "".join(
        f": alive\n\n{name}data: {each.model_dump_json()}\n\n" for name, each in zip(names, told, strict=True)
    )
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=lines)
