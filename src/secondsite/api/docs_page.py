"""The description of the API as one page for people. It loads nothing, and runs nothing."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
STYLE = (
    "body{font-family:sans-serif;max-width:70em;margin:2em auto;padding:0 1em;line-height:1.4}"
    "code{color:#036}h3,li,p{overflow-wrap:anywhere}ul{padding-left:1.2em}"
)
BOLD = re.compile(r"\*\*(.+?)\*\*")
CODE = re.compile(r"`(.+?)`")


async def answer(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(page(request.app.openapi()), headers={"Content-Security-Policy": POLICY})


def page(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document."""
    title = html.escape(f"{document['info']['title']} {document['info']['version']}")
    body = "\n".join(_operations(document))
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{STYLE}</style>\n'
        f"<h1>{title}</h1>{_described(document['info']['description'])}\n"
        f'<p>All shapes: <a href="openapi.json">openapi.json</a></p>\n{body}</html>\n'
    )


def _described(text: str) -> str:
    """Its first sentence, and its list of points, which is written as Markdown."""
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
