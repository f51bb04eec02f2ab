"""An appliance that is adopted may lie: what it tells of machines is taken only as far as it hurts nobody
else."""

import shutil

import pytest

from rig.eventually import eventually
from secondsite.appliance.orders import adoption
from secondsite.appliance.orders import adoption as telling
from secondsite.wire.rest import GroupCreate
from tests.support.enrolled import enrolled
from tests.vault.facade.nouns.adoption.support_adoption import ends

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def told_otherwise(monkeypatch, name, **changes):
    """The appliance says something else of that machine; `kept` are changes of what was kept of it."""
    true, kept = telling.found, changes.pop("kept", {})

    def found(here, machine_id):
        said = true(here, machine_id)
        if said.name != name or said.kept is None:
            return said
        return said.model_copy(update={**changes, "kept": said.kept.model_copy(update=kept)})

    monkeypatch.setattr(adoption, "found", found)


def test_a_third_site_that_says_it_has_the_machine_gets_nothing_of_it(bereft):
    bereft.adopt()
    before = bereft.record()
    store, site = bereft.folder / "stranger" / "store", bereft.sites["b"]
    replica = site.replica_folder(before.id)
    shutil.copytree(replica, store / replica.relative_to(site.config.store))
    bereft.sites["c"] = enrolled(bereft.vault, bereft.folder / "stranger", "c", store=store).start()
    bereft.wait_connected("c")
    (told,) = (each for each in bereft.adopt("c").machines if each.name == "web01")
    assert (str(told.end), told.says) == (
        "left",
        ("web01 is known here already: its replica is at appliance 'b' of site b.",),
    )
    assert bereft.record() == before, "a record goes to whoever says that he has the machine"


def test_no_machine_has_a_path_as_its_id_nor_comes_into_the_group_of_others(bereft, monkeypatch):
    for name in ("x", "y"):
        bereft.facade.sites.create(name)
    others = {"name": "shop", "source_site": "x", "target_site": "y", "multi_vm_every_seconds": 3600}
    bereft.facade.groups.create(GroupCreate.model_validate(others))
    told_otherwise(monkeypatch, "db01", id="/srv/others")
    assert ends(bereft.adopt()) == {"web01": "adopted", "db01": "left"}
    with bereft.vault.store.transaction() as tx:
        tx.machines.remove(bereft.record().id)
    told_otherwise(monkeypatch, "web01", kept={"group": "shop"})
    bereft.adopt()
    assert eventually(bereft.record).group is None
