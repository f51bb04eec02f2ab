"""Draw the rooms of a checkout: `./dev shell python -m tests.house.map_rooms [FOLDER]`, FOLDER being
src/secondsite.

For every folder that holds at least two modules or packages: how many modules lie in it, the arrows between
its children (an arrow is one child importing another, however often), how many floors they make, the circles
among them, and the arrows that run back up; then a graph of the largest folders in Mermaid's words, without
the arrows that are shorter ways to where others lead as well.
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path


def modules(root):
    """Dotted names and files, from the package at `root`."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name, path, known):
    """The modules of ours that one imports."""
    here = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                target = f"{module}.{alias.name}" if f"{module}.{alias.name}" in known else module
                if target in known and target != name:
                    yield target


def arrows_within(folder, links):
    """Arrows between the children of a package, as {child: children it imports}. What a package's face
    imports from its own modules does not count."""
    found = defaultdict(set)
    prefix = folder + "."
    for source, target in links:
        if source.startswith(prefix) and target.startswith(prefix):
            one, other = (name.removeprefix(prefix).split(".")[0] for name in (source, target))
            if one != other:
                found[one].add(other)
    return found


def floors(children, arrows):
    """Floors from the bottom up; children that lie in circles, or above one, stay over."""
    placed: set[str] = set()
    rest, levels = set(children), []
    while rest:
        level = {child for child in rest if arrows[child] <= placed}
        if not level:
            break
        levels.append(sorted(level))
        placed |= level
        rest -= level
    return levels, sorted(rest)


def look(root):
    known = modules(root)
    links = [(name, target) for name, path in known.items() for target in imports(name, path, known)]
    for folder, path in known.items():
        if path.name != "__init__.py":
            continue
        children = sorted(
            {name.removeprefix(folder + ".").split(".")[0] for name in known if name.startswith(folder + ".")}
        )
        files = sum(1 for each in path.parent.glob("*.py") if each.name != "__init__.py")
        arrows = arrows_within(folder, links)
        levels, circle = floors(children, arrows)
        yield folder, files, children, arrows, levels, circle


def table(rooms):
    print(
        "| folder | modules | rooms | arrows | floors | in circles |\n| --- | --- | --- | --- | --- | --- |"
    )
    for folder, files, children, arrows, levels, circle in rooms:
        if len(children) > 1:
            many = sum(len(targets) for targets in arrows.values())
            print(
                f"| {folder} | {files} | {len(children) - files} | {many} | {len(levels)} | {len(circle)} |"
            )


def leads_to(arrows, one):
    """All that `one` reaches, in however many steps; there must be no circle."""
    return {far for near in arrows.get(one, ()) for far in {near, *leads_to(arrows, near)}}


def plain(arrows):
    """The arrows without which something could not be reached: what is left is what an eye can follow."""
    return {
        one: {other for other in near if not any(other in leads_to(arrows, each) for each in near)}
        for one, near in arrows.items()
    }


def graph(folder, arrows, levels):
    arrows = plain(arrows)
    print(f"\n```mermaid\nflowchart TD\n  %% {folder}")
    for number, level in enumerate(reversed(levels)):
        print(f'  subgraph f{number}[" "]\n    ' + " ~~~ ".join(level) + "\n  end")
    for one in sorted(arrows):
        for other in sorted(arrows[one]):
            print(f"  {one} --> {other}")
    print("```")


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "src/secondsite")
    rooms = list(look(root))
    table(rooms)
    for folder, _, _, arrows, levels, _ in rooms:
        if folder.split(".")[-1] in (root.name, "datapath", "appliance"):
            graph(folder, arrows, levels)


if __name__ == "__main__":
    main()
