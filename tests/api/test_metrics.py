"""What a monitoring system reads is what people see."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from secondsite.domain.lifecycle import Verb
from secondsite.jobs.storage.tables import jobs
from secondsite.vault.metrics import families
from secondsite.vault.metrics.ended_jobs import EndedJobs
from secondsite.vault.metrics.exposition import Exposition, labelled

NAMES = {each.name.removesuffix("_total"): each for each in families.every()}


@pytest.fixture
def scrape(vault):
    """All samples, by name, as a scraper reads them; each family in one piece."""

    def scrape(**headers):
        answer = vault.rest.get("/api/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = list(text_string_to_metric_families(answer.text))
        assert len({each.name for each in found}) == len(found)
        for each in found:
            assert (each.documentation, each.type) == (NAMES[each.name].says, NAMES[each.name].kind)
        return {
            name: [sample for each in found for sample in each.samples if sample.name == name]
            for name in {sample.name for each in found for sample in each.samples}
        }

    return scrape


def value(samples, **labels):
    (found,) = (each for each in samples if labels.items() <= each.labels.items())
    return found.value


def test_a_machine_tells_what_rest_tells(vault, ask, protected, scrape):
    (shown,) = ask("GET", "/machines")["items"]
    found, name = scrape(), shown["name"]
    of = {"machine": name, "id": shown["id"], "source": shown["source_site"], "target": shown["target_site"]}
    assert value(found["secondsite_machine_state"], **of, state=shown["state"]) == 1
    assert len(found["secondsite_machine_state"]) == 1
    assert value(found["secondsite_machine_rpo_seconds"], **of) >= shown["rpo"]["seconds"]
    assert value(found["secondsite_machine_rpo_goal_seconds"], **of) == 900
    sent = shown["replication"]["total_wire_bytes"]
    assert value(found["secondsite_machine_sent_bytes_total"], **of) == sent
    assert sum(each.value for each in found["secondsite_machine_points"]) == shown["points"]["count"]
    told = {
        each.labels["code"]: each.labels["severity"] for each in found.get("secondsite_machine_finding", ())
    }
    assert told == {each["code"]: each["severity"] for each in shown["findings"]}


def test_appliances_and_jobs_are_told(vault, ask, protected, scrape):
    before = scrape()
    for each in ask("GET", "/appliances"):
        of = {"appliance": each["name"], "site": each["site"]}
        assert value(before["secondsite_appliance_connected"], **of) == each["connected"]
        assert value(before["secondsite_appliance_certificate_expiry_timestamp_seconds"], **of) > 0
    ended = before["secondsite_jobs_ended_total"]
    assert {each.labels["verb"] for each in ended} >= {verb.value for verb in Verb}
    assert {each.value for each in ended} == {0}
    assert value(before["secondsite_vault_ca_expiry_timestamp_seconds"]) > 0


def test_each_job_that_ends_is_counted_once(vault):
    def ended(at, number, state):
        return {
            "id": f"j{number}", "name": "failover", "subject": None, "subject_name": "", "arguments": {},
            "state": state, "attempt": 1, "requested_by": "", "created_at": at, "ended_at": at,
            "cancel_requested": False, "ready_at": at, "claim_epoch": 0,
        }  # fmt: skip

    counted, at = EndedJobs(), datetime(2026, 11, 30, tzinfo=UTC)

    def count(seconds, *rows):
        with vault.store.transaction() as tx:
            if rows:
                tx.session.execute(insert(jobs), rows)
            found = counted.count(tx.session, at + timedelta(seconds=seconds))
        return found["failover", "failed"], found["failover", "succeeded"]

    before = ended(at - timedelta(hours=1), 1, "failed")
    assert count(0, before) == (0, 0)
    assert count(30, ended(at + timedelta(seconds=20), 2, "failed")) == (1, 0)
    assert count(60, ended(at + timedelta(seconds=40), 3, "succeeded")) == (1, 1)
    assert count(90) == (1, 1)
    assert count(-3600) == (1, 1), "the clock was set back"


def test_it_is_packed_for_who_takes_it(vault, protected):
    plain = vault.rest.get("/api/metrics", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = vault.rest.get("/api/metrics", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text.startswith("# HELP")


def test_a_token_of_one_site_reads_its_machines_and_nothing_of_the_vault(vault, ask, protected):
    made = ask("POST", "/tokens", 201, json={"name": "monitoring", "roles": ["reader"], "site": "a"})
    headers = {"Authorization": f"Bearer {made['token']}"}
    text = vault.rest.get("/api/metrics", headers=headers).text
    assert "secondsite_machine_state" in text
    assert "secondsite_vault_info" not in text
    assert 'site="b"' not in text


def test_a_name_of_any_letters_is_one_label():
    to = Exposition()
    name = 'a"b\\c\nd{}=,\u00fc'
    to.add(families.VAULT_INFO, labelled(families.VAULT_INFO.labels, (name, "1")), 1)
    ((sample,),) = (each.samples for each in text_string_to_metric_families(to.text().decode()))
    assert gzip.decompress(to.packed()) == to.text()
    assert sample.labels == {"vault": name, "version": "1"}


def test_every_family_has_one_name():
    assert len(NAMES) == len(list(families.every()))
    assert all(each.name.endswith("_total") == each.is_counter for each in families.every())
