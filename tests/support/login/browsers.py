"""Browsers that log in, by a name and a password or by way of a provider, without a browser."""

import httpx2

from secondsite.api.credentials import AT_PROVIDER, COOKIE

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "three stones in the river"
GROUPS = [
    {"group": "dr-admins", "roles": ["contributor", "access_administrator"]},
    {"group": "dr-operators", "roles": ["operator"]},
    {"group": "dr-paris", "roles": ["reader", "operator"], "site": "paris"},
]


class Browser:
    """Asks as a browser does: with its cookie, and never with a token."""

    def __init__(self, vault):
        self._rest = vault.rest
        self.cookie = None

    def __call__(self, method, path, wanted=200, headers=OWN_PAGE, **how):
        """The answer's JSON, to a request that a page with these headers makes."""
        answer = self.answer(method, path, headers, **how)
        assert answer.status_code == wanted, answer.text
        return answer.json() if answer.content else None

    def answer(self, method, path, headers=OWN_PAGE, **how):
        request = self._rest.build_request(method, f"/api{path}", headers=headers, **how)
        if "authorization" not in headers:
            del request.headers["Authorization"]
        if self.cookie is not None:
            cookie = ("cookie", f"theme=dark; {COOKIE}={self.cookie}".encode("latin-1"))
            request.headers = httpx2.Headers([*request.headers.multi_items(), cookie])
        answer = self._rest.send(request)
        for set_cookie in answer.headers.get_list("set-cookie"):
            self.cookie = set_cookie.partition(";")[0].partition("=")[2].strip('"') or None
        return answer

    def log_in(self, token=None, wanted=201, **by):
        return self("POST", "/session", wanted, json={"token": token} if token else by)


class ProviderBrowser(Browser):
    """A browser that goes to providers, and keeps the cookie for it."""

    kept = None

    def answer(self, method, path, headers=OWN_PAGE, **how):
        if self.kept is not None:
            headers = {**headers, "cookie": f"{AT_PROVIDER}={self.kept}"}
        before, self.cookie = self.cookie, None if self.kept is not None else self.cookie
        answer = super().answer(method, path, headers, **how)
        self.cookie = before
        for each in answer.headers.get_list("set-cookie"):
            name, _, value = each.partition(";")[0].partition("=")
            value = value.strip('"') or None
            self.kept = value if name == AT_PROVIDER else self.kept
            self.cookie = value if name == COOKIE else self.cookie
        return answer

    def begin(self, name="staff", wanted=200, **how):
        return self("POST", "/log-in/begin", wanted, json={"provider": name}, **how)

    def finish(self, came_back, wanted=201, name="staff", **how):
        return self("POST", "/log-in/finish", wanted, json={"provider": name, **came_back}, **how)

    def enter(self, provider, wanted=201, by="staff", **who):
        return self.finish(provider.log_in(self.begin(by)["address"], **who), wanted, by)
