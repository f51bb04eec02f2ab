"""Places of disks as people write and read them: POOL, POOL:raw, /dev/vg0/web01:raw:none."""

from collections.abc import Sequence
from typing import get_args

from ..domain import errors
from ..wire.common.disk_places import DiskCache, DiskFormat, DiskPlace


def places(
    given: Sequence[str], form: DiskFormat, cache: DiskCache | None, option: str = "--disk KEY"
) -> dict[str, DiskPlace]:
    """--disk vda=POOL, vda=POOL:raw or vda=POOL:raw:none: where it goes, by key. `option`: what was given,
    and what it names. Raises InvalidArgument."""
    found: dict[str, DiskPlace] = {}
    for each in given:
        key, equals, rest_of_it = each.partition("=")
        where, mode = _cut(rest_of_it, get_args(DiskCache))
        where, named = _cut(where, [one.value for one in DiskFormat])
        if not (equals and key and where) or (mode and not named):
            word, _, name = option.partition(" ")
            raise errors.InvalidArgument(
                f"{word} is '{each}'.",
                do=f"Give {name}=PLACE, or {name}=PLACE:qcow2, {name}=PLACE:raw; or with a cache mode "
                f"besides: {name}=PLACE:raw:none.",
            )
        told = {"place": where, "format": named or form, "cache": mode or cache}
        found[key] = DiskPlace.model_validate(told)
    return found


def _cut(text: str, words: Sequence[str]) -> tuple[str, str | None]:
    """A text and the word behind its last colon, if it ends with one of these."""
    before, colon, last = text.rpartition(":")
    return (before, last) if colon and last in words else (text, None)


def shown(place: DiskPlace) -> str:
    """A place with its format and cache mode, for people."""
    mode = f", cache {place.cache} from its next start on" if place.cache else ""
    return f"{place.place} ({place.format.value}{mode})"
