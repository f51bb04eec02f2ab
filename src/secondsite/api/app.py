"""The FastAPI application: all routes under /api, with one form for errors."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.gzip import GZipMiddleware

from ..ground.connection_limits import Limits, Tally, Visitors
from ..ground.units import KiB
from ..vault.facade import VaultFacade
from . import console, failures, manual, permissions, routers, routes
from .built_pages import BuiltPages
from .fast_path import ShortWay
from .following import Hubs
from .guard import Guard
from .permissions import BASE
from .way_answer import WaysByRequests

DOCS = f"{BASE}/docs"
CONVENTIONS = """\
Every call but /api/health, /api/ready, /api/ca, /api/enroll, the log-in and this description (/api/docs, /api/openapi.json) needs `Authorization: Bearer TOKEN`, or a session.

- **Sessions**: `POST /api/session` gives a browser a cookie, which counts only for the vault's own pages (`Sec-Fetch-Site: same-origin`, or the vault's own `Origin`): else 403. A request shows the cookie or a token;
  with both it gets 401. What a browser gets is to be stored nowhere.

- **Methods**: POST creates and DELETE deletes a record; members are added and removed; every verb of the lifecycle is a POST under /api/machines, for several machines in the
  body or for one in the path. Sizes are bytes, spans are seconds, times are UTC.
- **Jobs**: what takes long answers 202 at once; `Location` names the job, whose events can be followed.
- **Events**: streams of server-sent events continue after the event named by `Last-Event-ID`; a comment every 15 seconds keeps them alive; an event shows the present state, not each change on the way to it.
- **Idempotency-Key**: a POST that starts or creates something takes one: any text that is new for every new request. For a day a repeat of the same request with it changes nothing
  and gets the first one's answer; the key with another request gets 422. Answers that hold a secret are not kept: their repeat gets 409.
- **ETag, If-Match**: policies, sites, groups and mappings show an edition. A change whose If-Match is not the present edition gets 412; without If-Match the last change wins.
- **As-Read**: verbs take the `generation` of each of their machines as the caller read it, and answer 412, which names those that were moved since.
- **Pages**: machines, points, jobs, sites, policies and groups answer `{"items": [...], "next": CURSOR}`. Give `next` as `cursor` with the same filters; the last page has none.
- **Errors**: every answer from 400 on is `{"error": {"code", "message", "do"}}`; rely on the code. 400: cannot be read; 404: does not exist; 409: not possible in this state, or prerequisites
  are not met (correct what the message lists and repeat the request); 412: only for If-Match, As-Read and the reason of a hold; 422: not possible in any state.
- **Compression**: answers of 8 KiB or more are compressed if the request has `Accept-Encoding: gzip`.
- **Limits**: a body has at most 1 MiB (64 KiB where no token is needed) and has to arrive within 20 seconds: else 413 or 408. Connections that show no valid token within 30 seconds are cut, and an
  address may have at most 100 connections and 20 new ones a second, a token 100 connections: with more, its oldest is cut. A stream of events ends when its token is deleted, or its session.
  Of a token's requests that wait for an appliance, or read the whole audit log, six are carried out at once: else 504.
- **Roles**: a token has roles (reader, tester, operator, contributor, access_administrator) and a scope: the whole vault, or one site. Each call says which permission it needs; without it the answer
  is 403. What is outside a token's scope does not exist for it: it is in no list, and asking for it gets 404. Machines belong to the scope of their source and of their target.
- **Approval**: a verb that the setting names answers 409 with the code approval-needed, and `Location` names the request that is kept. When another person grants it, it is carried out once,
  unchanged, for its asker. A request whose answer is a secret is carried out when its asker repeats it.
- **Newer vaults** may have fields and values that a client does not know: ignore them."""  # noqa: E501


LOG_INS = ("session", "session/question", "logins", "logins/poll", "log-in/begin", "log-in/finish")
OPEN_CALLS = frozenset(("POST", f"{BASE}/{path}") for path in LOG_INS)
"""Calls that need no token, of paths that need one otherwise."""
OPEN_PATHS = frozenset(
    {DOCS}.union(f"{BASE}/{path}" for path in ("openapi.json", "health", "ready", "ca", "enroll", "log-in"))
)
"""Paths that need no token. A new open call has to be added here: one that is missing needs a token."""


COMPRESSED_FROM_BYTES = 8 * KiB
"""The length from which answers are compressed for clients that take gzip; streams of events never are, since
each event has to leave at once.

The length of a compressed answer can betray a secret in it to an attacker who makes somebody else request it
again and again with text of the attacker's beside the secret (BREACH). That is not possible here: a browser
adds no token by itself to requests of a foreign page, a session's cookie does not count there, and secrets
(tokens, registration keys) are only in short answers to a POST, which are not compressed.
"""


def _nobody() -> Visitors:
    """The visitors of an application without a port."""
    return Visitors(Limits(), Tally(lambda _reasons, _most_from: None))


class _Application(FastAPI):
    """A FastAPI whose description names the permission of each call."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            permissions.describe(super().openapi())
        return super().openapi()


def create(facade: VaultFacade, version: str, visitors: Visitors | None = None) -> FastAPI:
    """The REST face of a vault. `visitors` are the connections of its port, if it has one."""
    app = _Application(
        title="secondsite",
        description=CONVENTIONS,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{BASE}/openapi.json",
        redirect_slashes=False,  # a redirect would repeat the Host header of a stranger
    )
    app.state.vault, app.state.hubs, app.state.ways = facade, Hubs(), WaysByRequests()
    app.add_middleware(ShortWay, vault=facade)
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM_BYTES, compresslevel=1)
    visitors = visitors or _nobody()
    app.add_middleware(Guard, vault=facade, open_paths=OPEN_PATHS, open_calls=OPEN_CALLS, visitors=visitors)
    app.add_middleware(BuiltPages, visitors=visitors, pages=(console.pages(), manual.pages()))
    failures.install(app)
    app.add_route(DOCS, answer, include_in_schema=False)
    app.router.routes.extend(routers.routes(routes.GUARDED, routes.OPEN))
    return app


# The description of the API as one page for people. It has no scripts, and loads nothing from elsewhere.

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
STYLE = (
    "body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em;line-height:1.4}"
    "code{color:#036}h3,li,p{overflow-wrap:anywhere}ul{padding-left:1.2em}"
)
BOLD = re.compile(r"\*\*(.+?)\*\*")
CODE = re.compile(r"`(.+?)`")


async def answer(request: Request) -> HTMLResponse:
    """The page that describes the API."""
    return HTMLResponse(page(request.app.openapi()), headers={"Content-Security-Policy": POLICY})


def page(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document."""
    title = html.escape(f"{document['info']['title']} {document['info']['version']}")
    body = "\n".join(_operations(document))
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>{title}</title><style>{STYLE}</style>\n'
        f"<h1>{title}</h1>{_described(document['info']['description'])}\n"
        f'<p>All shapes: <a href="openapi.json">openapi.json</a></p>\n{body}</html>\n'
    )


def _described(text: str) -> str:
    """The text's first sentence and its list, which is Markdown, as HTML."""
    first, *points = re.split(r"^- ", text, flags=re.M)
    listed = "".join(f"<li>{_marked(each)}</li>" for each in points)
    return f"<p>{_marked(first)}</p><ul>{listed}</ul>"


def _marked(text: str) -> str:
    bold = BOLD.sub(r"<b>\1</b>", html.escape(" ".join(text.split())))
    return CODE.sub(r"<code>\1</code>", bold)


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in sorted(document["paths"].items()):
        for method, what in methods.items():
            yield f"<h3><code>{method.upper()} {html.escape(path)}</code></h3>"
            yield f"<p>{html.escape(what.get('description', ''))}</p>"
            takes = [*_parameters(what), *_body(what)]
            yield f"<ul>{''.join(takes)}</ul>" if takes else ""


def _parameters(what: Mapping[str, Any]) -> Iterator[str]:
    for each in what.get("parameters", ()):
        said = html.escape(f"({each['in']}) {each.get('description', '')}")
        yield f"<li><code>{html.escape(each['name'])}</code> {said}</li>"


def _body(what: Mapping[str, Any]) -> Iterator[str]:
    for kind in what.get("requestBody", {}).get("content", {}).values():
        reference = kind["schema"].get("$ref", "") or str(
            kind["schema"].get("anyOf", [{}])[0].get("$ref", "")
        )
        yield f"<li>body: {html.escape(reference.rpartition('/')[2])}</li>"
