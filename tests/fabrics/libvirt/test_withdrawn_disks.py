"""What the hook is told of the disks of withdrawn machines, and what it refuses for it, whatever path
leads to one."""

import json
import os
import re
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

import secondsite.fabrics.libvirt.host
from secondsite.appliance.target.stores import ownership
from secondsite.datapath.disks import same_files
from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import withdrawn_disks

HOOK = Path(secondsite.fabrics.libvirt.host.__file__).with_name("start-veto")
ODD = "a.b[1]*^$\\'\"<&>;`id`$(id) ünï -n%s\ndisk one.qcow2"
OURS, OTHERS = "968f766fb6574657b62c385257433a21", "d6ffbdc844534fb581d9769e65a66179"
NAMES = ["web01.qcow2", ODD, " begins and ends with spaces ", "-n"]


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder in place of the host's root."""
    monkeypatch.setattr(withdrawn_disks, "FOLDER", tmp_path / "var/lib/secondsite/start-veto")
    monkeypatch.setattr(withdrawn_disks, "APPLIANCES", tmp_path / "var/lib/secondsite/start-veto-appliances")
    images = tmp_path / "images"
    images.mkdir()
    return tmp_path


def made(host, name):
    path = host / "images" / name
    path.write_bytes(b"disk")
    return path


def refusal(host, *disks, operation="prepare", coming=False):
    """What the hook says to a machine with these disks; empty: it starts."""
    text = HOOK.read_text()
    for place in ("/var/lib", "/etc/libvirt"):
        text = text.replace(place, f"{host}{place}")
    text = text.replace('"/run" : "/etc"', f'"{host}/run" : "{host}/etc"')
    text = text.replace("coming=/run", f"coming={host}/run")
    if coming:
        (host / "run/secondsite/coming").mkdir(parents=True, exist_ok=True)
        (host / "run/secondsite/coming/m").touch()
    given = f"<domain type='kvm'>\n  <name>m</name>\n  <devices>\n{''.join(disks)}  </devices>\n</domain>"
    done = subprocess.run(
        ["sh", "-c", text, "hook", "m", operation, "begin", "-"],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == bool(done.stderr), done
    assert done.stdout == ""
    return done.stderr


def quoted(path):
    return escape(str(path), {"'": "&apos;", '"': "&quot;"})


def disk(path, kind="file", below="", source=None):
    named = source or f"{'dev' if kind == 'block' else 'file'}='{quoted(path)}'"
    return (
        f"    <disk type='{kind}' device='disk'>\n      <driver name='qemu' type='qcow2'/>\n"
        f"      <source {named} index='1'/>\n{below}      <target dev='vda' bus='virtio'/>\n    </disk>\n"
    )


def reading(path, part="backingStore"):
    return (
        f"      <{part} type='file'>\n        <format type='qcow2'/>\n        <source "
        f"file='{quoted(path)}'/>\n"
        f"        <backingStore/>\n      </{part}>\n"
    )


def pool(host, folder, place="etc", name="imgs", kind="dir"):
    file = host / place / f"libvirt/storage/{name}.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"<!-- not to be edited -->\n<pool type='{kind}'>\n  <name>{name}</name>\n  <source>\n    <dir "
        "path='/nowhere'/>\n"
        f"  </source>\n  <target>\n    <path>{quoted(folder)}</path>\n  </target>\n</pool>\n"
    )


def volume(name, of="imgs"):
    return disk("", "volume", source=f"pool='{of}' volume='{quoted(name)}'")


@pytest.mark.parametrize("name", NAMES)
def test_a_disk_is_refused_only_where_it_is_a_machines_own(host, name):
    path, other = made(host, name), made(host, "other.qcow2")
    withdrawn_disks.forbid("m1", ["/gone.qcow2", str(path)])
    assert "of a machine that runs at the other site" in refusal(host, disk(path))
    assert "of a machine that runs at the other site" in refusal(host, disk(other), disk(path, "block"))
    assert refusal(host, disk(other)) == ""
    assert refusal(host, disk(other, below=reading(path)), disk(other)) == "", "below another it is only read"
    assert refusal(host, disk(other, below=reading(other)), disk(path))
    assert all(refusal(host, disk(path, below=reading(other, part))) for part in ("dataStore", "mirror"))
    assert refusal(host, disk(f"{path}2")) == ""
    assert refusal(host, disk(path), operation="start") == ""
    withdrawn_disks.allow("m1")
    withdrawn_disks.allow("m1")
    assert refusal(host, disk(path)) == ""
    assert list(withdrawn_disks.FOLDER.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "block"])
def test_whoever_only_reads_such_a_disk_starts_and_another_of_its_disks_is_looked_at_all_the_same(host, kind):
    path, other = made(host, "web01.qcow2"), made(host, "other.qcow2")
    withdrawn_disks.forbid("m1", [str(path)])
    read = disk(path, kind, below="      <readonly/>\n")
    disc = disk(path, kind).replace("device='disk'", 'device="cdrom"')
    assert refusal(host, read, disk(other)) == ""
    assert refusal(host, disk(other), disc) == ""
    assert refusal(host, read, disk(path, kind))
    assert refusal(host, disc, disk(path, kind))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["link", "link of the folder", "dots", "slashes", "hard link"])
def test_another_path_to_a_disk_is_no_way_around(host, name, way):
    path = made(host, name)
    withdrawn_disks.forbid("m1", [str(path)])
    around = {
        "link": host / "link.qcow2",
        "link of the folder": host / "folder" / name,
        "dots": f"{host}/images/../images/./{name}",
        "slashes": f"{host}//images//{name}",
        "hard link": host / "hard.qcow2",
    }[way]
    if way == "link":
        around.symlink_to(path)
    elif way == "link of the folder":
        around.parent.symlink_to(path.parent)
    elif way == "hard link":
        os.link(path, around)
    assert refusal(host, disk(around))
    withdrawn_disks.forbid("m1", [str(around)])
    assert refusal(host, disk(path)), "nor is the withdrawn machine's own"


@pytest.mark.parametrize("name", NAMES)
def test_a_volume_is_the_file_that_it_is_and_one_of_a_pool_that_nobody_knows_goes_by_its_name(host, name):
    path = made(host, name)
    withdrawn_disks.forbid("m1", [str(path)])
    assert refusal(host, volume(name)), "nothing says where the pool is"
    assert refusal(host, volume(name, of="../x"))
    assert refusal(host, volume(f"2{name}")) == ""
    pool(host, host / "elsewhere")
    assert refusal(host, volume(name)), "nothing is there"
    (host / "elsewhere").mkdir()
    (host / "elsewhere" / name).write_bytes(b"another disk")
    assert refusal(host, volume(name)) == ""
    pool(host, path.parent, "run")  # as it is active, which counts
    assert refusal(host, volume(name))


@pytest.fixture
def loop(host):
    """Gives the device of a file."""
    made_here = []

    def of(path):
        path.write_bytes(bytes(1 << 20))
        done = subprocess.run(["losetup", "-f", "--show", path], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no loop device can be made here: {done.stderr.strip()}")
        made_here.append(done.stdout.strip())
        return made_here[-1]

    yield of
    for device in made_here:
        subprocess.run(["losetup", "-d", device], check=True)


@pytest.mark.parametrize("name", ["web01.qcow2", "my disk.qcow2"])
def test_a_loop_device_is_the_file_that_it_is_made_of(host, loop, name):
    path, other = made(host, name), made(host, "other.qcow2")
    device, innocent = loop(path), loop(other)
    withdrawn_disks.forbid("m1", [str(path)])
    assert refusal(host, disk(device, "block"))
    assert refusal(host, disk(innocent, "block")) == ""
    withdrawn_disks.forbid("m1", [device])
    assert refusal(host, disk(device, "block"))
    assert refusal(host, disk(path))
    assert refusal(host, disk(innocent, "block")) == ""
    assert same_files.identity(device) == same_files.identity(path)
    assert same_files.identity(innocent) != same_files.identity(path)


def test_without_the_right_to_write_there_it_is_said_what_to_do(host):
    withdrawn_disks.FOLDER.parent.mkdir(parents=True)
    withdrawn_disks.FOLDER.write_text("a file where the folder should be")
    with pytest.raises(errors.FabricError, match="cannot be written") as told:
        withdrawn_disks.forbid("m1", ["/srv/web01.qcow2"])
    assert "retry the job" in told.value.do


@pytest.mark.parametrize("name", NAMES)
def test_of_a_machine_that_came_home_the_hook_says_where_its_newest_data_is_and_lets_that_start(host, name):
    path, run = made(host, name), host / "runs" / "fail over's\n"
    withdrawn_disks.forbid("m1", [str(path)], run)
    said = refusal(host, disk(path))
    assert "came home" in said
    assert f"is in {run}," in said
    assert "runs at the other site" not in said
    assert refusal(host, disk(run / "vda.qcow2", below=reading(path))) == ""
    withdrawn_disks.forbid("m1", [str(path)])
    assert "runs at the other site" in refusal(host, disk(path)), "after the failback was cancelled"


def test_every_command_that_the_hook_names_can_be_typed_as_it_stands(host):
    """It named 'machine start-anyway' without the site, which is required, and 'machine cancel-failover',
    which is refused after an unplanned failover."""
    words = HOOK.read_text()
    named = set(re.findall(r"'(secondsite [a-z]+ [a-z-]+)((?: [A-Z$][^']*| --[^']*)*)'", words))
    assert {verb for verb, _ in named} == {
        "secondsite machine show",
        "secondsite machine start-anyway",
        "secondsite appliance start-anyway",
        "secondsite machine planned-failover",
        "secondsite machine failover",
        "secondsite machine commit",
    }
    assert ("secondsite machine start-anyway", " $1 --site SITE") in named
    assert all(given for _, given in named), "each names the machine"


def remote(protocol, name, host="10.0.0.1"):
    source = f"protocol='{protocol}' name='{name}'"
    return disk("", "network", source=source).replace(" index='1'/>", f"><host name='{host}'/></source>")


def test_a_network_disk_is_refused_whichever_server_it_is_reached_by(host):
    target = "iqn.2026-11.example:web01"
    withdrawn_disks.forbid("m1", [f"iscsi://10.0.0.1:3260/{target}/0"])
    assert refusal(host, remote("iscsi", f"{target}/0", "10.0.0.2"))
    assert refusal(host, remote("iscsi", target)), "the first unit needs no number"
    assert refusal(host, remote("iscsi", f"{target}/1")) == ""
    assert refusal(host, remote("nbd", f"{target}/0")) == ""
    withdrawn_disks.forbid("m2", ["rbd://10.0.0.1:6789/pool/space/x?user=me"])
    assert refusal(host, remote("rbd", "pool/space/x", "10.0.0.2"))
    assert refusal(host, remote("rbd", "pool/x")) == ""


def copy_in_replica(host, owner, machine_id="781f6a9d8e824717a889aebfe9ca5a6e"):
    """The disk of a copy, in a replica that has this owner, as the other host's appliance writes it."""
    replica = host / "srv/shared/b" / "replicas" / machine_id
    (replica / "runs/failover").mkdir(parents=True, exist_ok=True)
    if owner is not None:
        ownership.give(replica, ownership.Owner("none", 1), owner)
    path = replica / "runs/failover/vda.qcow2"
    path.write_bytes(b"disk")
    return path


@pytest.mark.parametrize("way", ["path", "link"])
def test_what_another_host_has_taken_over_does_not_start_by_a_definition_that_is_left(host, way):
    path = copy_in_replica(host, OTHERS)
    withdrawn_disks.add_appliance(OURS)
    if way == "link":
        link = host / "link.qcow2"
        link.symlink_to(path)
        path = link
    said = refusal(host, disk(made(host, "own.qcow2")), disk(path))
    assert OTHERS in said
    assert "secondsite machine show m" in said


def test_a_copy_of_this_host_starts_and_so_does_one_in_a_store_that_nobody_else_has_taken_from(host):
    withdrawn_disks.add_appliance(OTHERS)
    withdrawn_disks.add_appliance(OURS)
    for owner in (OURS, OTHERS, None):
        assert refusal(host, disk(copy_in_replica(host, owner))) == ""
    assert refusal(host, disk(made(host, "own.qcow2"))) == ""


def test_a_copy_that_is_migrated_here_is_let_in(host):
    withdrawn_disks.add_appliance(OURS)
    path = copy_in_replica(host, OTHERS)
    assert refusal(host, disk(path), coming=True) == ""
    assert refusal(host, disk(path))


def test_whose_a_replica_is_that_nobody_says_readably_is_nobodys(host):
    """Nor is anybody told to remove the file: that would make it the appliance's whose store it is."""
    path = copy_in_replica(host, OURS)
    withdrawn_disks.add_appliance(OURS)
    place = path.parents[2] / "owner.json"
    place.write_text("{")
    said = refusal(host, disk(path))
    assert f"whose it is cannot be read from {place}" in said
    assert "took it over" not in said
    assert "remove" not in said


def test_what_the_hook_says_to_write_gives_an_unreadable_replica_back(host):
    path = copy_in_replica(host, OTHERS)
    withdrawn_disks.add_appliance(OURS)
    (path.parents[2] / "owner.json").write_text("{")
    [command] = re.findall(r"echo .*?owner\.json'", refusal(host, disk(path)))
    subprocess.run(["sh", "-c", command], check=True)
    assert ownership.owner_of(path.parents[2], OTHERS).appliance_id == OURS
    assert refusal(host, disk(path)) == ""


def test_a_host_whose_appliance_never_ran_is_nobodys_business(host):
    path = copy_in_replica(host, OTHERS)
    assert refusal(host, disk(path)) == "", "no appliance has said that it is of this host"
    withdrawn_disks.add_appliance(OURS)
    assert refusal(host, disk(path))


def test_what_was_left_to_its_owner_starts_only_at_the_host_that_had_it(host):
    """Another one has a definition of before, on a disk that its owner may have left since: two ran."""
    path = copy_in_replica(host, OTHERS)
    (path.parents[2] / "ended.json").write_text("{}")
    withdrawn_disks.add_appliance(OURS)
    said = refusal(host, disk(path))
    assert "protection has ended" in said
    assert "machine show" not in said, "there is none any more"
    withdrawn_disks.add_appliance(OTHERS)
    assert refusal(host, disk(path)) == ""


def test_what_was_left_to_its_owner_in_its_own_hosts_store_starts(host):
    path = copy_in_replica(host, None)
    (path.parents[2] / "ended.json").write_text("{}")
    withdrawn_disks.add_appliance(OURS)
    assert refusal(host, disk(path)) == ""


def test_who_shows_a_replica_to_a_machine_only_to_read_is_let_in(host):
    withdrawn_disks.add_appliance(OURS)
    assert refusal(host, disk(copy_in_replica(host, OTHERS), below="      <readonly/>\n")) == ""


SAID = '{"appliance_id": "%s", "number": %s}'


@pytest.mark.parametrize(
    "said",
    [
        f'{{"appliance_id": "{OURS}"}}',
        SAID % (OURS, '"x"'),
        SAID % (OURS, "007"),
        SAID % (OURS, f'1, "appliance_id": "{OTHERS}"'),
        f'{{"appliance_id": "{OTHERS}", "appliance_id": "{OURS}", "number": 1}}',
        f'{{"appliance_id": "{OURS}", "appliance_id": "{OTHERS}", "number": 1}}',
        (SAID % (OURS, 1)) * 2,
        f"[{SAID % (OURS, 1)}]",
        SAID % (OURS, 1) + " " * 5000 + "x",
        "",
    ],
)
def test_the_hook_is_no_less_strict_about_whose_a_replica_is_than_an_appliance(host, said):
    path = copy_in_replica(host, OURS)
    withdrawn_disks.add_appliance(OURS)
    place = path.parents[2] / "owner.json"
    place.write_text(said)
    assert "whose it is cannot be read" in refusal(host, disk(path))
    place.write_text(f"{SAID % (OURS, 12)}\n")
    assert refusal(host, disk(path)) == ""
    assert ownership.owner_of(path.parents[2], OTHERS).appliance_id == OURS


@pytest.mark.parametrize("way", ["leads nowhere", "leads to itself", "folder"])
def test_an_owner_that_is_no_file_is_not_taken_for_none(host, way):
    path = copy_in_replica(host, None)
    withdrawn_disks.add_appliance(OURS)
    place = path.parents[2] / "owner.json"
    place.mkdir() if way == "folder" else place.symlink_to(place if way == "leads to itself" else "/nowhere")
    assert "whose it is cannot be read" in refusal(host, disk(path))


@pytest.mark.parametrize("inner", ["runs/replicas/a", "replicas/a/b"])
def test_a_folder_of_that_name_within_a_replica_is_no_way_around(host, inner):
    path = copy_in_replica(host, OTHERS)
    withdrawn_disks.add_appliance(OURS)
    deep = path.parents[2] / inner / "vda.qcow2"
    deep.parent.mkdir(parents=True)
    path.rename(deep)
    assert OTHERS in refusal(host, disk(deep))


def store(root, owner):
    root.mkdir(parents=True, exist_ok=True)
    place = {"root": str(root), "host": 'x", "appliance_id": "x'}
    (root / "store.json").write_text(json.dumps({"appliance_id": owner, "store": "default", "place": place}))


@pytest.fixture
def migrated(host):
    """The disk of a copy that was migrated here, in a store of another host beside this host's; nobody has
    taken it over yet."""
    path = copy_in_replica(host, None)
    store(path.parents[4], OTHERS)
    store(host / "srv/shared/b2", OURS)
    withdrawn_disks.add_appliance(OURS)
    (path.parents[2] / "replica.json").write_text('{"committed_point_id":null,"head":null}')
    return path


def test_before_the_first_takeover_a_replica_in_a_shared_store_is_the_stores(host, migrated):
    said = refusal(host, disk(migrated))
    assert f"of the appliance {OTHERS}, whose store it lies in" in said
    assert "took it over" not in said
    assert refusal(host, disk(migrated), coming=True) == ""
    [command] = re.findall(r"echo .*?owner\.json'", said)
    subprocess.run(["sh", "-c", command], check=True)
    assert refusal(host, disk(migrated)) == ""


@pytest.mark.parametrize("mark", [None, "{", '{"store": "default"}', OURS])
def test_a_store_that_names_nobody_else_starts_what_lies_there(host, migrated, mark):
    """Of older releases; or its appliance was enrolled anew, and has taken it."""
    place = migrated.parents[4] / "store.json"
    if mark is None:
        place.unlink()
    elif mark == OURS:
        store(place.parent, OURS)
    else:
        place.write_text(mark)
    assert refusal(host, disk(migrated)) == ""


def test_a_store_that_was_brought_here_alone_starts_what_lies_there(host, migrated):
    """Its host is lost, or it is a copy: its machines start without its appliance."""
    (host / "srv/shared/b2/store.json").unlink()
    assert refusal(host, disk(migrated)) == ""


def test_what_was_committed_or_left_in_a_neighbours_store_is_a_machine_as_any_other(host, migrated):
    folder = migrated.parents[2]
    (folder / "replica.json").write_text('{"committed_point_id":"p1","head":null}')
    assert refusal(host, disk(migrated)) == ""
    (folder / "replica.json").write_text('{"committed_point_id":"p1","head":7}')
    assert refusal(host, disk(migrated))
    (folder / "ended.json").write_text("{}")
    assert refusal(host, disk(migrated)) == ""
