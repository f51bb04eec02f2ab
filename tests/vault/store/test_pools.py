"""An address of a pool is one machine's, also if several vault processes give them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import exc

from secondsite.domain import errors
from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs.storage import database as opening
from secondsite.vault.steps.sides import pool_addresses
from secondsite.vault.store import (
    MachineSettingsRecord,
    PoolAddressRecord,
    PoolRecord,
    SiteRecord,
    Store,
    migrate,
)
from secondsite.wire.common.cards import CardSettings, PoolSettings
from secondsite.wire.common.machines import NicDefinition
from secondsite.wire.rest.places import NetworkMapping
from tests.support.vault import NOW, definition, machine

POOL = PoolSettings(site="b", network="lan-b", subnet="10.2.0.0/24", ranges=("10.2.0.100-10.2.0.105",))


def furnished(database, database_url, machines):
    migrate(database_url)
    store = Store(database)
    with store.transaction() as tx:
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
        tx.policies.put(ReplicationPolicy("default"))
        tx.networks.put(
            NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lan-b")
        )
        tx.pools.put(PoolRecord("dmz", POOL))
        for number in range(machines):
            mac = f"52:54:00:00:00:{number:02x}"
            nics = (NicDefinition(key="net0", mac=mac, network="lan"),)
            own = definition(f"f-{number}", f"m{number}").model_copy(update={"nics": nics})
            tx.machines.add(machine(f"m{number}", f"m{number}", definition=own, start_ordered=True))
            tx.settings.put(MachineSettingsRecord(f"m{number}", (CardSettings(mac=mac, from_pool=True),)))
    return store


def test_a_pool_and_who_has_its_addresses_come_back_as_they_were_put(database, database_url):
    store = furnished(database, database_url, 1)
    record = PoolAddressRecord("dmz", "10.2.0.100", "m0", "m0", "52:54:00:00:00:00", NOW)
    with store.transaction() as tx:
        tx.pools.take(record)
    with store.reading() as tx:
        assert tx.pools.find("dmz") == PoolRecord("dmz", POOL)
        assert tx.pools.taken("dmz") == [record]
        assert tx.pools.held("m0") == [record]
    with pytest.raises((errors.Conflict, exc.IntegrityError)), store.transaction() as tx:
        tx.pools.take(PoolAddressRecord("dmz", "10.2.0.100", "m1", "m1", "x", NOW))
    with store.transaction() as tx:
        tx.pools.give_back("m0")
        tx.pools.remove("dmz")
    with store.reading() as tx:
        assert tx.pools.list() == []


def test_two_processes_that_give_at_the_same_time_give_no_address_twice(database, database_url):
    first = furnished(database, database_url, 8)
    beside = opening.connect(database_url)
    stores = (first, Store(beside))

    def take(number):
        store = stores[number % 2]
        with store.reading() as tx:
            own = tx.machines.get(f"m{number}")
        try:
            with store.transaction() as tx:
                pool_addresses.taken(tx, own, NOW, needed=True)
        except errors.PrerequisiteFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as people:
        given = list(people.map(take, range(8)))
    beside.dispose()
    with first.reading() as tx:
        taken = tx.pools.taken("dmz")
    assert (
        sum(given) == len({each.address for each in taken}) == len({each.machine_id for each in taken}) == 6
    )
