"""What people meet at a host with our packages, of each release: commands, manual pages, the pages that the
vault shows, and the ways to log in, by the libraries that are inside."""

import gzip
import io
import tarfile

import pytest

from rig.packages import hosts
from secondsite.entry.shell import manuals
from secondsite.entry.shell.words import tree
from tests.deploy.support_deploy import ROOT
from tests.deploy.support_packages import APPLIANCE, VAULT, packages, site, why_not
from tests.support.login.browsers import GROUPS, OWN_PAGE, PASSWORD, Browser, ProviderBrowser
from tests.support.login.keys import Key
from tests.support.openid_provider import openid

pytestmark = [
    pytest.mark.every(by="all"),
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
    pytest.mark.parametrize("version", ["12", "13"], scope="module"),
]
API = "usr/lib/secondsite/lib/python3*/site-packages/secondsite/api"
LOOKED_AT = """
for page in /usr/share/man/man1/secondsite*.1.gz; do
    basename "$page" .gz
    MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 > /dev/null
done
"""
"""As lintian does it."""
NAMED = {**OWN_PAGE, "Host": "vault.example"}
NOBODY = "runuser -u nobody --"


@pytest.fixture(scope="module")
def here(version, tmp_path_factory):
    """A host with a vault and an appliance that run."""
    with site(tmp_path_factory.mktemp("used") / "host", hosts.ready(version)) as here:
        here.install(packages(version))
        here.init()
        here.vault.start()
        here.enroll()
        yield here


@pytest.fixture
def rest(here):
    with here.rest() as rest:
        yield rest


def test_every_manual_page_opens_without_a_warning(here):
    assert sorted(here(LOOKED_AT).splitlines()) == sorted(manuals.pages(tree()))


def test_whoever_is_nobody_is_told_the_version_and_what_the_rest_takes(here):
    assert here(f"{NOBODY} secondsite --version").startswith("secondsite ")
    refused = here.host.run("sh", "-c", f"{NOBODY} secondsite config show")
    assert refused.returncode != 0
    assert "as root" in refused.stderr


def test_the_settings_of_both_services_are_shown_with_who_says_them(here):
    shown = here("secondsite config show")
    for kind in ("vault", "appliance"):
        assert f"/var/lib/secondsite/{kind}/{kind}.json" in shown


@pytest.mark.parametrize("name", ["console", "manual"])
def test_every_file_of_the_pages_that_were_built_is_served(here, rest, name):
    (folder,) = here.host.path("/").glob(f"{API}/built_{name}")
    served = set()
    for path in (each for each in folder.rglob("*") if each.name != "content-security-policy"):
        if path.is_file():
            plain = path.with_suffix("") if path.suffix in (".gz", ".br") else path
            answer = rest.get(f"/{name}/{plain.relative_to(folder)}")
            assert answer.status_code == 200, plain
            assert path.suffix != ".gz" or answer.content == gzip.decompress(path.read_bytes())
            served.add(plain.relative_to(folder).as_posix())
    assert "index.html" in served
    if name == "manual":
        assert {f"guide/{each.stem}.html" for each in (ROOT / "docs/guide").glob("*.md")} <= served


class Reached:
    """The vault of a host, as browsers of these tests ask it."""

    def __init__(self, rest):
        self.rest = rest


def test_people_of_a_provider_and_people_with_a_security_key_log_in(here, rest, tmp_path):
    vault = Reached(rest)
    ask, browser = Browser(vault), Browser(vault)
    token = {"authorization": rest.headers["Authorization"]}
    authority = openid.Authority(tmp_path, here.machine)
    provider = openid.Scripted(authority, here.machine)
    try:
        body = {"name": "staff", "issuer": provider.issuer, "client_id": openid.CLIENT}
        more = {"secret": openid.SECRET, "groups": GROUPS[:2], "ca_pem": authority.pem}
        ask("POST", "/log-in/providers", 201, token, json={**body, **more})
        assert ProviderBrowser(vault).enter(provider, name="berta")["roles"] == ["operator"]
    finally:
        provider.close()

    made = ask("POST", "/people", 201, token, json={"name": "anna", "roles": ["operator"]})
    browser.log_in(link=made["link"])
    browser("PUT", "/session/password", json={"password": PASSWORD})
    key, body = Key(), {"name": "blue"}
    begun = browser("POST", "/session/security-keys/begin", 200, NAMED, json={"password": PASSWORD})
    body["answer"] = key.make(begun["options"])
    browser("POST", "/session/security-keys", 200, NAMED, json=body)
    anna = {"name": "anna", "password": PASSWORD}
    late = Browser(vault)
    asked = late("POST", "/session/question", 200, NAMED, json=anna)
    late("POST", "/session", 201, NAMED, json={**anna, "key_answer": key.use(asked["options"])})
    assert late("GET", "/session", headers=NAMED)["has_second_factor"]


def test_a_support_bundle_has_all_that_the_vault_and_its_host_can_tell(here):
    here.ask("support-bundle /root/bundle.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(here.host.path("/root/bundle.tar.gz").read_bytes())) as archive:
        found = {
            each.name.partition("/")[2]: file.read().decode()
            for each in archive
            if (file := archive.extractfile(each)) is not None
        }
    assert found["missing"] == ""
    for unit in (VAULT, APPLIANCE):
        assert f"{unit}.service" in found["host/units.txt"]
    assert "vault ready" in found["host/journal.txt"]
