"""The report as a page: one file that loads nothing and runs nothing, made to be printed."""

from functools import cache

from jinja2 import Environment, PackageLoader, Template

from .tables import Document


def page(of: Document) -> str:
    return _template().render(of=of)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("secondsite.cli", "reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
