"""After a start rescue names what its vault would have done then."""

import json

from secondsite.rescue import RECORD, signed, starting, store


def replica(folder, said):
    """One without points, of which its vault said this."""
    folder.mkdir(parents=True)
    record = {"machine_id": "m1", "layers": [], "runs": [], "holds": [], "disks": []}
    (folder / "replica.json").write_bytes(signed(record))
    (folder / RECORD).write_bytes(signed(json.loads(json.dumps(said))))
    return store.read(folder)


def test_checks_addresses_names_and_the_group_are_named(tmp_path):
    said = {
        "name": "web01",
        "group": "shop",
        "checks": [{"name": "page", "kind": "http", "port": 8080, "text": "Welcome"}],
        "cards": [{"mac": "52:54:00:00:00:01", "address": "10.2.0.5/24", "gateway": "10.2.0.1",
        "names": ["web.example"]}],
    }  # fmt: skip
    found = replica(tmp_path / "replicas" / "m1", said)
    told = starting.after_start(found)
    assert found.name == "web01"
    for part in (
        "page (http on port 8080 that says 'Welcome')",
        "10.2.0.5/24 by 10.2.0.1",
        "web.example",
        "'shop'",
    ):
        assert part in told


def test_what_another_release_said_otherwise_is_left_out(tmp_path):
    assert starting.after_start(replica(tmp_path / "a" / "m1", {"checks": "none", "cards": [3]})) == ""


def test_a_held_point_is_listed_with_its_reason(tmp_path):
    folder = tmp_path / "replicas" / "m1"
    replica(folder, {})
    held = {
        "layers": [{"number": 1, "point_id": "p1"}],
        "holds": [["p1", "audit"]],
        "runs": [],
        "machine_id": "m1",
    }
    (folder / "replica.json").write_bytes(signed(held))
    (point,) = store.read(folder).points
    assert point.held == "audit"
