"""A vault whose setting names verbs, and persons with tokens."""

NEVER = None
FAILOVER = {"machines": ["web01"], "choice": "latest_processed"}


class Person:
    """Asks with a token: method, path, wanted status; gives the answer's JSON."""

    def __init__(self, rest, token):
        self._rest = rest
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method, path, wanted=200, headers=None, **how):
        answer = self._rest.request(method, f"/api{path}", headers={**self.headers, **(headers or {})}, **how)
        assert wanted in (None, answer.status_code), answer.text
        self.last = answer
        return answer.json() if answer.content else None

    def waits(self, method, path, **how):
        """The number of the request that is kept."""
        error = self(method, path, 409, **how)["error"]
        assert error["code"] == "approval-needed", error
        number = int(self.last.headers["location"].rpartition("/")[2])
        assert f"secondsite approval grant {number}" in error["do"]
        return number

    def grant(self, number, wanted=200):
        return self("POST", f"/approvals/{number}/grant", wanted)

    def show(self, number):
        return self("GET", f"/approvals/{number}")


def jobs(ask):
    return [job["id"] for job in ask("GET", "/jobs")["items"]]
