"""Where two people may edit, the second one can be told that it is not what they saw."""

import pytest

MAPPING = {"source_site": "a", "source_network": "lan", "target_site": "b", "target_network": "dr"}


@pytest.fixture
def call(vault):
    def call(method, path, wanted, if_match=None, body=None, **how):
        headers = {"If-Match": if_match} if if_match else {}
        answer = vault.rest.request(method, f"/api{path}", json=body, headers=headers, **how)
        assert answer.status_code == wanted, answer.text
        return answer

    return call


@pytest.fixture
def tag(call):
    return lambda path, **how: call("GET", path, 200, **how).headers["etag"]


def test_of_two_who_change_a_policy_the_second_is_refused_until_they_have_seen_the_firsts(call, tag):
    call("POST", "/policies", 201, body={"name": "p"})
    seen = tag("/policies/p")
    assert tag("/policies/p") == seen
    first = call("PUT", "/policies/p", 200, seen, {"name": "p", "retention_seconds": 7200})
    refused = call("PUT", "/policies/p", 412, seen, {"name": "p", "cycle_seconds": 9}).json()["error"]
    assert (refused["code"], bool(refused["do"])) == ("changed-meanwhile", True)
    now = call("GET", "/policies/p", 200)
    assert (now.json()["retention_seconds"], now.json()["cycle_seconds"]) == (7200, 5)
    assert now.headers["etag"] == first.headers["etag"] != seen
    call("PUT", "/policies/p", 200, first.headers["etag"], {"name": "p", "cycle_seconds": 9})
    call("DELETE", "/policies/p", 412, seen)
    call("DELETE", "/policies/p", 204, tag("/policies/p"))


def test_of_two_who_change_a_group_the_second_is_refused(call, tag):
    for site in ("a", "b"):
        call("POST", "/sites", 201, body={"name": site})
    call("POST", "/groups", 201, body={"name": "shop", "source_site": "a", "target_site": "b"})
    seen = tag("/groups/shop")
    wanted = {"multi_vm_every_seconds": 30, "app_consistent": False, "machines": []}
    first = call("PUT", "/groups/shop", 200, seen, wanted)
    call("PUT", "/groups/shop", 412, seen, {**wanted, "multi_vm_every_seconds": 90})
    assert call("GET", "/groups/shop", 200).json()["multi_vm_every_seconds"] == 30
    call("PUT", "/groups/shop", 200, first.headers["etag"], {**wanted, "multi_vm_every_seconds": 90})


def test_no_condition_and_any_edition_let_everything_pass(call):
    call("POST", "/policies", 201, body={"name": "p"})
    call("PUT", "/policies/p", 200, None, {"name": "p", "cycle_seconds": 2})
    call("PUT", "/policies/p", 200, "*", {"name": "p", "cycle_seconds": 3})
    call("PUT", "/policies/p", 412, '"old"', {"name": "p", "cycle_seconds": 4})
    call("PUT", "/policies/nothing", 404, '"old"', {"name": "p", "cycle_seconds": 4})


def test_one_of_several_tags_is_enough_and_a_weak_one_is_none(call, tag):
    call("POST", "/sites", 201, body={"name": "a"})
    seen = tag("/sites/a")
    call("PUT", "/sites/a/bandwidth", 412, f"W/{seen}", {"bytes_per_second": 10**6})
    call("PUT", "/sites/a/bandwidth", 200, f'"other", {seen}', {"bytes_per_second": 10**6})
    call("DELETE", "/sites/a", 412, seen)


NO_TAGS = ['*, "old"', "W/*", '"', 'old"', "old", ",", "", '"a" "b"', '"a", ']


def test_what_only_looks_like_any_edition_lets_nothing_pass(vault, call):
    call("POST", "/sites", 201, body={"name": "a"})
    for tags, wanted in (*((each, 422) for each in NO_TAGS), ('"*"', 412), ('W/"*"', 412)):
        body, headers = {"bytes_per_second": 10**6}, {"If-Match": tags}
        answer = vault.rest.put("/api/sites/a/bandwidth", json=body, headers=headers)
        assert (tags, answer.status_code) == (tags, wanted)
        assert answer.json()["error"]["do"]
    assert call("GET", "/sites/a", 200).json()["bandwidth"]["bytes_per_second"] is None


def test_a_tag_may_come_in_a_header_of_its_own(vault, call, tag):
    call("POST", "/sites", 201, body={"name": "a"})
    headers = [("If-Match", '"old,older"'), ("If-Match", tag("/sites/a"))]
    body = {"bytes_per_second": 10**6}
    assert vault.rest.put("/api/sites/a/bandwidth", json=body, headers=headers).status_code == 200


def test_what_only_time_changes_is_no_other_edition(call, tag, protected):
    call("POST", "/policies", 201, body={"name": "p"})
    before = tag("/policies/default"), tag("/sites/a")
    call("POST", "/machines/failover", 202, body={"machines": ["web01"]})
    assert (tag("/policies/default"), tag("/sites/a")) == before


def test_a_groups_members_are_changed_by_who_saw_them(call, tag, protected):
    made = call("POST", "/groups", 201, body={"name": "g", "source_site": "a", "target_site": "b"})
    assert made.headers["location"] == "/api/groups/g"
    seen = made.headers["etag"]
    changed = call("POST", "/groups/g/add", 200, seen, {"machines": ["web01"]})
    call("POST", "/groups/g/remove", 412, seen, {"machines": ["web01"]})
    call("DELETE", "/groups/g", 412, seen)
    assert changed.headers["etag"] == tag("/groups/g")
    call("POST", "/groups/g/remove", 200, tag("/groups/g"), {"machines": ["web01"]})
    call("DELETE", "/groups/g", 204, tag("/groups/g"))


def test_mappings_between_two_sites_are_one_edition(call, tag, two_sites):
    both = {"params": {"source_site": "a", "target_site": "b"}}
    seen = tag("/networks/mappings", **both)
    call("PUT", "/networks/mappings", 200, seen, MAPPING)
    call("PUT", "/networks/mappings", 412, seen, {**MAPPING, "target_network": "lan2"})
    other = {key: value for key, value in MAPPING.items() if key != "target_network"}
    call("DELETE", "/networks/mappings", 412, seen, params=other)
    call("DELETE", "/networks/mappings", 204, tag("/networks/mappings", **both), params=other)
