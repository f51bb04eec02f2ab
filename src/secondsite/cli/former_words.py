"""Former names of commands, so that whoever types one is told the present name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from typer.core import TyperGroup

FORMER: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("site", "add"): "site create",
        ("site", "remove"): "site delete",
        ("appliance", "key"): "appliance create-registration-key",
        ("appliance", "remove"): "appliance delete",
        ("policy", "add"): "policy create",
        ("policy", "remove"): "policy delete",
        ("token", "add"): "token create",
        ("token", "remove"): "token delete",
        ("network", "map"): "mapping create",
        ("network", "unmap"): "mapping delete",
        ("point", "choose"): "point preview",
    }
)
"""What to type now, by noun and former word."""


class Noun(TyperGroup):
    """The commands of one noun, which also know their former names."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command with this name; a former name is refused with the present one."""
        now = FORMER.get((ctx.info_name, args[0]))
        if now is not None:
            ctx.fail(f"'{ctx.info_name} {args[0]}' has a new name. Type: secondsite {now}")
        return super().resolve_command(ctx, args)
