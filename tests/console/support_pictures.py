"""Every page of the console in light, dark and at 390 pixels: looked at by axe in tests, and by people.

    ./dev console --pictures FOLDER

Those of which docs/guide/pictures has one are in FOLDER/guide as well, small.
"""

import sys
from pathlib import Path

from PIL import Image

from tests.console import support_filled
from tests.support.console import support_console

LISTS = ("", "machines", "jobs", "plans", "drills", "groups", "policies", "networks", "sites", "notices",
         "account", "logins", "access", "providers", "audit", "settings", "nowhere")  # fmt: skip
PARTS = {"points": "Recovery points", "settings": "Settings", "events": "Events"}
MOST_PIXELS = 3000
GUIDE = ("overview", "machine", "machine-points", "failover", "job-waits", "evidence")
"""The pages of which docs/guide has a picture."""
GUIDE_PIXELS = (1000, 1150)
"""Wide after it was made smaller, and high before."""
HIGH = """() => innerHeight + Math.max(0, ...[...document.querySelectorAll('*')]
    .filter((each) => /auto|scroll/.test(getComputedStyle(each).overflowY))
    .map((each) => each.scrollHeight - each.clientHeight))"""
"""How high the window would have to be for all of it."""


def paths(rig):
    """The pages by the name of their picture: lists, and one of each thing that has a page."""
    with rig.client() as vault:
        machines = {each.name: each.id for each in vault.machines.list()}
        jobs = list(vault.jobs.list())
        drills = [each for each in vault.evidence.list() if each.verb == "test_failover"]
    failed = next(each.id for each in jobs if each.state == "failed")
    waits = next(each.id for each in jobs if each.state in ("running", "waiting") and not each.parent_id)
    ones = {
        "machine": f"machines/{machines['db01']}",
        "machine-late": f"machines/{machines[support_filled.LATE]}",
        "machine-away": f"machines/{machines[support_filled.AWAY]}", "job-failed": f"jobs/{failed}",
        "job-waits": f"jobs/{waits}", "plan": "plans/shop", "evidence": f"drills/{drills[0].id}",
    }  # fmt: skip
    return {each or "overview": f"/{each}" for each in LISTS} | {
        name: f"/{path}" for name, path in ones.items()
    }


def each(tab, rig):
    """Opens one page after the other, and each part of a machine's; yields the name of what is shown."""
    for name, path in paths(rig).items():
        tab.open(path).is_settled()
        yield name
        for part, title in PARTS.items() if name == "machine" else ():
            tab.page.get_by_role("tab", name=title).click()
            tab.is_settled()
            yield f"machine-{part}"
        if name == "machine":
            tab.page.get_by_role("button", name="Fail over", exact=True).click()
            tab.page.get_by_text("Nothing is in the way").wait_for()
            yield "failover"


def take(tab, file):
    """A picture of the whole page, which scrolls in a part of the window."""
    was = tab.page.viewport_size
    tab.page.set_viewport_size({"width": was["width"], "height": min(tab.page.evaluate(HIGH), MOST_PIXELS)})
    file.parent.mkdir(parents=True, exist_ok=True)
    tab.page.screenshot(path=file)
    tab.page.set_viewport_size(was)


def shrink(picture, file):
    """What a guide shows of a picture: its upper part."""
    file.parent.mkdir(exist_ok=True)
    with Image.open(picture) as whole:
        high = min(whole.height, GUIDE_PIXELS[1])
        seen = whole.convert("RGB").crop((0, 0, whole.width, high))
        wide = GUIDE_PIXELS[0]
        seen.resize((wide, high * wide // whole.width)).save(file, "WEBP", quality=80, method=6)


def main(folder):
    support_console.require_axe()
    with support_filled.filled() as rig, support_console.chromium() as browser:
        for look in sorted(support_console.LOOKS):
            tab = support_console.opened(browser, rig.url, look)
            take(tab.open("/").is_settled(), folder / f"log-in-{look}.png")
            tab.log_in((rig.home("vault") / "token").read_text().strip())
            for name in each(tab, rig):
                take(tab, folder / f"{name}-{look}.png")
            tab.page.context.close()
    for name in GUIDE:
        shrink(folder / f"{name}-light.png", folder / "guide" / f"{name}.webp")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
