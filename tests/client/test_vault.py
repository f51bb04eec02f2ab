"""The client as programs use it: handles, pages, jobs to their end, failures as errors that say what to
do."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from rig.eventually import eventually
from secondsite import client
from secondsite.client import errors, which_vault
from secondsite.domain.lifecycle import State
from secondsite.jobs.model.clock import utc_now
from secondsite.vault.fleet.gateway.certificate_authority import create_authority
from secondsite.wire import rest
from secondsite.wire.control.orders import Kind
from tests.support.scripted_vault import events, job, scripted, shown
from tests.support.vault import Dialler, machine


def test_a_handle_asks_nothing_until_a_method_is_called(remote, network):
    handle = remote.machines["web01"].points["p1"]
    assert handle is not None
    assert network.asked == []


def test_pages_are_asked_for_as_they_are_used_up(vault, remote, network, two_sites):
    with vault.store.transaction() as tx:
        for number in range(5):
            tx.machines.add(machine(f"m{number}", f"vm{number}"))
    found = remote.machines.list(page_size=2)
    assert [next(found).name, next(found).name] == ["vm0", "vm1"]
    assert len(network.asked) == 1
    assert [each.name for each in found] == ["vm2", "vm3", "vm4"]
    assert len(network.asked) == 3


def test_a_machine_fails_over_and_the_job_says_why_it_did_not_succeed(vault, remote, two_sites, protected):
    problem = {"code": "store-full", "message": "no space", "do": "make some"}
    with Dialler(two_sites[1], {kind.value: lambda _: {"problem": problem} for kind in Kind}):
        eventually(lambda: remote.appliances["two"].show().connected)
        job = remote.machines["web01"].failover(choice="latest")
        with pytest.raises(errors.JobNotSucceeded) as ended:
            job.wait(within_seconds=30)
    assert "failover of web01, ended failed: no space" in ended.value.message
    assert ended.value.do == "make some"
    assert job.wait(must_succeed=False).problem.code == "store-full"
    assert remote.machines["web01"].show().state is State.PROTECTED, "nothing was touched"
    assert [each.id for each in remote.jobs.list(machine="web01", state=[rest.JobState.FAILED])] == [job.id]


def test_several_machines_are_started_by_one_call(remote, network, protected):
    with pytest.raises(errors.NotFound):
        remote.machines["web01", "db01"].failover()
    assert json.loads(network.asked[-1].content)["machines"] == ["web01", "db01"]


def test_what_the_vault_refuses_is_raised_with_what_to_do(remote, protected):
    with pytest.raises(errors.NotFound, match="nosuch"):
        remote.machines["nosuch"].show()
    with pytest.raises(errors.NotPossibleNow) as refused:
        remote.machines["web01"].commit()
    assert "failover" in refused.value.do


def test_what_cannot_be_is_refused_before_it_is_asked(remote, network):
    for wrong in (
        lambda: remote.machines["web01"].failover(choice="yesterday"),
        lambda: remote.machines["web01"].include_disk(),
        lambda: remote.sites.create("No Name"),
        lambda: remote.machines[".."].show(),
        lambda: remote.machines.list(page_size=0),
    ):
        with pytest.raises(errors.InvalidArgument):
            wrong()
    assert network.asked == []


def test_an_update_keeps_what_is_not_given(remote):
    remote.policies.create("gold", retention_seconds=7200, cycle_seconds=3)
    changed = remote.policies["gold"].update(cycle_seconds=9)
    assert (changed.retention_seconds, changed.cycle_seconds) == (7200, 9)


def test_a_change_of_what_somebody_else_changed_is_refused_when_it_says_what_was_seen(remote):
    seen = remote.policies.create("gold")
    remote.policies["gold"].update(seen, cycle_seconds=9)
    with pytest.raises(errors.ChangedMeanwhile):
        remote.policies["gold"].update(seen, cycle_seconds=8)
    with pytest.raises(errors.ChangedMeanwhile):
        remote.policies["gold"].delete(seen=seen)
    remote.policies["gold"].delete(seen=remote.policies["gold"].show())
    site = remote.sites.create("rome")
    remote.sites["rome"].limit(10**6, seen=site)
    with pytest.raises(errors.ChangedMeanwhile):
        remote.sites["rome"].limit(10**7, seen=site)
    remote.sites.create("paris")
    mappings = remote.mappings.list("rome", "paris")
    remote.mappings.create("rome", "br0", "paris", "br0", seen=mappings)
    with pytest.raises(errors.ChangedMeanwhile):
        remote.mappings.create("rome", "br0", "paris", "br1", seen=mappings)
    remote.mappings.delete("rome", "br0", "paris", seen=remote.mappings.list("rome", "paris"))


def test_an_update_without_what_was_seen_takes_nothing_back_that_others_changed_meanwhile(remote):
    """Each changes another value of one policy, all at once."""
    remote.policies.create("gold")
    values = ("rpo_threshold_seconds", "retention_seconds", "journal_seconds")
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda name: remote.policies["gold"].update(**{name: 3601}), values))
    gold = remote.policies["gold"].show()
    assert [getattr(gold, name) for name in values] == [3601] * 3


@pytest.mark.slow
def test_a_start_whose_answer_was_lost_is_asked_again_and_nothing_is_started_twice(
    vault, remote, network, two_sites, protected
):
    network.lose = 2
    job = remote.machines["web01"].failover()
    assert [each.id for each in remote.jobs.list(machine="web01")] == [job.id]
    keys = [each.headers["idempotency-key"] for each in network.asked if each.method == "POST"]
    assert (len(keys), len(set(keys))) == (3, 1)


def test_a_start_with_a_key_is_the_same_start_whoever_repeats_it(vault, remote, two_sites, protected):
    job = remote.machines["web01"].once("tonight").failover()
    assert remote.machines["web01"].once("tonight").failover().id == job.id
    with pytest.raises(errors.KeyReused):
        remote.machines["web01"].once("tonight").failover(shut_down_source=True)


def test_a_vault_that_is_not_there_is_told_at_once(tmp_path):
    vault, transport = scripted(tmp_path, httpx2.ConnectError("refused"))
    with pytest.raises(errors.VaultUnreachable):
        vault.machines["web01"].failover()
    assert len(transport.asked) == 1


@pytest.mark.slow
def test_a_job_is_followed_across_a_vault_that_goes_away(tmp_path):
    vault, transport = scripted(
        tmp_path,
        events(job("running")),
        httpx2.ConnectError("refused"),
        events(job("running"), job("succeeded")),
    )
    assert [each.state for each in vault.jobs["j1"].follow()] == ["running", "running", "succeeded"]
    assert len(transport.asked) == 3


@pytest.mark.slow
def test_events_go_on_behind_the_last_one_when_the_vault_comes_back(tmp_path):
    told = [rest.Event(kind="machine", id="m1"), rest.Event(kind="reset"), rest.Event(kind="job", id="j1")]
    vault, transport = scripted(
        tmp_path,
        events(*told[:1], ids="a"),
        httpx2.ReadError("gone"),
        events(*told[1:], ids="bc"),
    )
    followed = vault.events(machine="web01", kinds=[rest.EventKind.JOB, rest.EventKind.MACHINE])
    assert [next(followed) for _ in told] == told
    assert [each.headers.get("last-event-id") for each in transport.asked] == [None, "a", "a"]
    assert transport.asked[0].url.query == b"machine=web01&kind=job&kind=machine"


@pytest.mark.slow
def test_a_stream_that_breaks_before_its_first_event_is_begun_again_with_a_reset(tmp_path, vault):
    """Nobody knows what happened meanwhile."""
    broken, transport = scripted(
        tmp_path, events(), httpx2.ReadError("gone"), events(rest.Event(kind="reset"), ids="a")
    )
    assert next(broken.events()).kind is rest.EventKind.RESET
    marks = [each.headers.get("last-event-id") for each in transport.asked]
    assert marks == [None, marks[1], marks[1]]
    missed = vault.facade.events.missed(marks[1])
    assert [change.kind for _, change in missed] == [rest.EventKind.RESET]


def test_a_vault_that_stays_away_ends_the_following_and_says_that_the_job_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("secondsite.client.following.AWAY_SECONDS", 0)
    vault, _ = scripted(tmp_path, *[httpx2.ConnectError("refused")] * 3)
    with pytest.raises(errors.VaultUnreachable) as away:
        vault.jobs["j1"].wait()
    assert "goes on" in away.value.message
    assert away.value.do.endswith("secondsite job follow j1")


@pytest.mark.slow
def test_a_job_that_does_not_end_in_time_is_left_and_one_that_does_is_given(tmp_path):
    vault, _ = scripted(tmp_path, shown(job("running")), shown(job("running")), shown(job("running")))
    with pytest.raises(errors.DeadlineExceeded, match="has not ended after 0 s"):
        vault.jobs["j1"].wait(within_seconds=0)
    vault, _ = scripted(tmp_path, shown(job("running")), httpx2.ReadError("gone"), shown(job("succeeded")))
    assert vault.jobs["j1"].wait(within_seconds=30).state == "succeeded"


@pytest.mark.parametrize("state", ["failed", "cancelled", "partially_succeeded"])
def test_only_a_job_that_succeeded_ends_a_wait_quietly(tmp_path, state):
    vault, _ = scripted(tmp_path, events(job(state)), events(job(state)))
    with pytest.raises(errors.JobNotSucceeded, match=f"ended {state}: on its way"):
        vault.jobs["j1"].wait()
    assert vault.jobs["j1"].wait(must_succeed=False).state == state


def test_an_answer_of_something_else_than_a_vault_is_not_taken_for_one(tmp_path):
    vault, _ = scripted(tmp_path, *[httpx2.Response(200, content="<html>")] * 3, httpx2.Response(502))
    for ask in (vault.show, vault.sites.list, lambda: list(vault.jobs["j1"].follow())):
        with pytest.raises(errors.Internal, match="do not understand"):
            ask()
    with pytest.raises(errors.Internal, match="502"):
        vault.show()


def test_a_redirect_is_not_followed_with_the_token(tmp_path):
    elsewhere = httpx2.Response(307, headers={"location": "https://elsewhere/api/vault"})
    vault, transport = scripted(tmp_path, elsewhere)
    with pytest.raises(errors.Internal, match="307"):
        vault.show()
    assert len(transport.asked) == 1


def test_the_vault_is_found_where_the_command_line_finds_it(vault, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SECONDSITE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SECONDSITE_CLIENT", str(tmp_path / "client.json"))
    with pytest.raises(errors.InvalidArgument, match="no such file is there"):
        client.connect()
    content = {"url": "https://vault", "ca": str(vault.made.ca_file)}
    (tmp_path / "client.json").write_text(json.dumps(content))
    with pytest.raises(errors.Unauthenticated):
        client.connect()
    with pytest.raises(errors.Unauthenticated):
        client.connect("https://vault", ca=vault.made.ca_file)
    content["token_file"] = str(vault.made.token_file)
    (tmp_path / "client.json").write_text(json.dumps(content))
    client.connect().close()
    with pytest.raises(errors.InvalidArgument, match="cannot be read"):
        client.connect(ca=tmp_path / "none.pem")


@pytest.mark.slow
def test_a_vault_of_another_authority_is_not_spoken_to(start, made, tmp_path):
    """Over the network, with its own certificate."""
    running = start()
    with client.connect(running.url, made.token, made.ca_file) as vault:
        assert vault.show().ca_fingerprint == made.ca_fingerprint
    create_authority(tmp_path / "pki", "another CA", utc_now())
    with client.connect(running.url, made.token, tmp_path / "pki" / "ca.pem") as vault:
        with pytest.raises(errors.CertificateRefused):
            vault.show()


@pytest.mark.skipif(os.getuid() != 0, reason="files of other users")
def test_root_reads_no_file_of_its_own_for_the_user_who_wrote_client_json(tmp_path, monkeypatch):
    """A vault that was taken over would name its thief's address, and any file of root as the token."""
    file, secret = tmp_path / "client.json", tmp_path / "secret"
    secret.write_text("of root")
    file.write_text(json.dumps({"url": "https://thief", "token_file": str(secret), "ca": "/dev/null"}))
    monkeypatch.setenv("SECONDSITE_CLIENT", str(file))
    assert which_vault.find().token == "of root"
    os.chown(file, 12345, -1)
    with pytest.raises(errors.Unauthenticated, match="another user's file"):
        which_vault.find()
    os.chown(secret, 12345, -1)
    assert which_vault.find().token == "of root"


def test_a_client_json_that_is_named_and_not_there_is_told_by_its_name(tmp_path, monkeypatch):
    monkeypatch.delenv("SECONDSITE_URL", raising=False)
    monkeypatch.setenv("SECONDSITE_CLIENT", str(tmp_path / "client.json"))
    with pytest.raises(errors.InvalidArgument, match=r"SECONDSITE_CLIENT names .*client\.json"):
        which_vault.find()


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Nothing names a vault."""
    for name in [name for name in os.environ if name.startswith("SECONDSITE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(which_vault, "VAULT_FILE", tmp_path / "vault.json")
    return monkeypatch


def test_on_the_vaults_own_host_its_client_json_is_found_unless_the_user_has_one(alone, tmp_path):
    (tmp_path / "token").write_text("t")
    content = {"url": "https://vault", "token_file": str(tmp_path / "token"), "ca": "/ca.pem"}
    (tmp_path / "vault.json").write_text(json.dumps(content))
    assert which_vault.find().url == "https://vault"
    own = tmp_path / "home/.config/secondsite"
    own.mkdir(parents=True)
    (own / "client.json").write_text(json.dumps(content | {"url": "https://mine"}))
    assert which_vault.find().url == "https://mine"


@pytest.mark.parametrize("named", ["", "~nobodyatall/x", "/dev/null/x", "a\nb", "~"])
def test_odd_names_of_a_client_json_are_told(alone, named):
    alone.setenv("SECONDSITE_CLIENT", named)
    with pytest.raises(errors.InvalidArgument):
        which_vault.find()


@pytest.mark.parametrize("content", ["[]", '{"url": 5}', '{"url": null}', "", "\x00", "7", '{"url": ["x"]}'])
def test_a_client_json_that_is_none_is_told(alone, tmp_path, content):
    (tmp_path / "odd").write_text(content)
    alone.setenv("SECONDSITE_CLIENT", str(tmp_path / "odd"))
    with pytest.raises(errors.InvalidArgument, match="cannot be read"):
        which_vault.find()


@pytest.mark.parametrize(
    "url", ["nonsense", "http://vault", "ftp://vault", "https://", "https://::1:8443", "https://[::1", "https://vault:99999",
            "https://vault\n/x", "https://vault:x", "//vault", "https://vault:0"]
)  # fmt: skip
def test_what_is_no_https_address_is_no_vault_that_does_not_answer(vault, url):
    with pytest.raises(errors.InvalidArgument, match="is not an https address"):
        client.connect(url, "t", vault.made.ca_file)


@pytest.mark.parametrize("token", [" ", "a\nb", "töken", "\udcff", "a b "])
def test_what_is_no_token_is_no_vault_that_does_not_answer(vault, token):
    with pytest.raises(errors.Unauthenticated, match="access token"):
        client.connect("https://vault", token, vault.made.ca_file)


def test_an_address_of_ipv6_is_one(vault):
    client.connect("https://[::1]:8443", "t", vault.made.ca_file).close()
