"""The vault is lost with every backup; a new one adopts both appliances, the second site's first."""

import math
from types import SimpleNamespace

from secondsite.vault import store as vault_store
from secondsite.vault.facade.callers import THE_VAULT
from secondsite.vault.facade.nouns.adoption import Adoption
from secondsite.vault.facade.waiting import WaitingRequests
from secondsite.vault.fleet.rescue_manifest import kept_by
from secondsite.vault.fleet.signals import Signals
from secondsite.wire import rest
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B


def lose_vault_for_good(verbs):
    """What it had said beforehand is with the appliances."""
    with verbs.store.reading() as tx:
        kept = {each.id: kept_by(tx, each) for each in tx.appliances.list()}
    for appliance_id, payload in kept.items():
        verbs.appliances.sites[appliance_id].do(Kind.KEEP, payload)
    verbs.close()
    for path in verbs.folder.glob("vault.*"):
        path.unlink()
    vault_store.migrate(f"sqlite:///{verbs.folder}/vault.db")
    verbs.open()
    verbs.furnish_anew()
    for appliance_id in (B, A):
        adopt(verbs, appliance_id)
    verbs.hear()


def adopt(verbs, appliance_id):
    """All portions."""
    adoption = Adoption(parts(verbs))
    done = adoption.adopt(appliance_id, rest.AdoptionRequest())
    while done.following is not None:
        done = adoption.adopt(appliance_id, rest.AdoptionRequest(after=done.following))


def parts(verbs):
    """As much of a vault's faces as adoption needs."""
    return SimpleNamespace(
        store=verbs.store,
        gateway=verbs.appliances,
        signals=Signals(),
        waiting=WaitingRequests(),
        caller=THE_VAULT,
        now=verbs.clock.now,
        sees=lambda *sites: True,
        announce=lambda: None,
        changing=verbs.store.transaction,
        note=lambda **noted: None,
        seconds_left=lambda: math.inf,
    )
