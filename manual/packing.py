"""`python -m manual.packing BUILT FOLDER`: lays the built manual out as a vault serves it.

Each text is compressed once, here: a vault sends it so, over a thin link too. It is the same to the byte each
time.
"""

import gzip
import shutil
import sys
from pathlib import Path

from manual import policy

TEXTS = {".html", ".js", ".css", ".json", ".svg", ".txt"}


def pack(built: Path, folder: Path) -> int:
    """What was built, packed in `folder`, which is emptied first; gives its bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(each for each in built.rglob("*") if each.is_file()):
        goal = folder / path.relative_to(built)
        goal.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in TEXTS:
            packed = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
            goal.with_name(f"{goal.name}.gz").write_bytes(packed)
        else:
            shutil.copyfile(path, goal)
    assert (folder / policy.FILE).is_file()
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


if __name__ == "__main__":
    print(f"{pack(Path(sys.argv[1]), Path(sys.argv[2])) / 1e6:.1f} MB")
