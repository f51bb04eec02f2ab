"""A vault at which nobody logs in has not loaded what a log-in needs."""

import subprocess
import sys

PROGRAM = """
import sys
from secondsite.entry import vault_main, vault_wiring
from secondsite.entry.commands import run
print([each for each in ("argon2", "pyotp", "segno") if each in sys.modules])
"""


def test_the_libraries_of_passwords_and_codes_are_loaded_when_they_are_needed():
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    assert said.stdout == "[]\n"
