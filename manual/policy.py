"""`python -m manual.policy FOLDER`: writes the content security policy of the built manual.

The pages have a few scripts in themselves. Their digests stand in the policy, so that no other runs.
"""

import base64
import hashlib
import re
import sys
from pathlib import Path

FILE = "content-security-policy"
SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)


def digests(page: str) -> set[str]:
    """The digests of the scripts that stand in a page, as a policy names them."""
    inline = [each for each in SCRIPT.finditer(page) if "src=" not in each["attributes"]]
    texts = [each["text"] for each in inline if "application/json" not in each["attributes"]]
    return {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts}


def policy(folder: Path) -> str:
    """What pages below `folder` may do: what lies beside them, and their own scripts."""
    found = {each for page in folder.rglob("*.html") for each in digests(page.read_text())}
    scripts = " ".join(["'self'", *sorted(found)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


if __name__ == "__main__":
    (Path(sys.argv[1]) / FILE).write_text(policy(Path(sys.argv[1])) + "\n")
