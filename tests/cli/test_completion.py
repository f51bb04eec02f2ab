"""A shell completes what is typed, by the script that the command itself gives it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
FOLDER = Path(sys.executable).parent
TYPED = """eval "$(secondsite --show-completion)"
COMP_WORDS=($1) COMP_CWORD=$2
_secondsite_completion secondsite
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("secondsite pol", {"policy"}),
        ("secondsite machine fail", {"failover"}),
        ("secondsite policy create gold --r", {"--rpo-threshold", "--retention", "--rto-goal"}),
        ("secondsite job list --state ca", {"cancelled", "cancelling"}),
    ],
)
def test_bash_completes_nouns_verbs_options_and_choices(words, found):
    typed = ["bash", "-c", TYPED, "bash", words, str(len(words.split()) - 1)]
    path = {"PATH": f"{FOLDER}:{os.environ['PATH']}"}
    done = subprocess.run(
        typed, capture_output=True, text=True, timeout=110, check=True, env={**os.environ, **path}
    )
    assert set(done.stdout.split()) == found, done.stderr
