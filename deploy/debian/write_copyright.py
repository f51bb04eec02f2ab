"""Prints the copyright page of the program's package: our licence, and that of each library that is inside.

`write_copyright.py FOLDER`: below it lie the libraries, as pip installed them."""

import importlib.metadata
import sys
from pathlib import Path

THEIRS = """
The package has these libraries inside, each as its authors published it. Their notices of copyright and
licence lie beside them, in the folder that is named.
"""


def licence(known: importlib.metadata.PackageMetadata) -> str:
    """As its authors name it: by expression, by a short word, or by classifiers."""
    said = known.get("License-Expression") or known.get("License") or ""
    classified = [
        each.rpartition(" :: ")[2] for each in known.get_all("Classifier", []) if "License ::" in each
    ]
    return said if 0 < len(said) < 60 else " or ".join(classified) or "see there"


def main(folder: Path) -> None:
    print(Path(__file__).with_name("copyright").read_text() + THEIRS)
    places = sorted(folder.glob("*/site-packages/*.dist-info"), key=lambda each: each.name.lower())
    for place in places:
        known = importlib.metadata.PathDistribution(place).metadata
        if known["Name"] != "secondsite":
            print(f"{known['Name']} {known['Version']}: {licence(known)}\n  in {place.relative_to(folder)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
