"""What this vault is and how much it holds."""

from ....wire.rest.machines import Finding
from ....wire.rest.vault import Caller, Vault
from ...store import Transaction
from ..parts import Parts
from ..shared.machine_shapes import finding_shape


class Info:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def ca_pem(self) -> str:
        """The CA's certificate. It is public, and to be trusted only after comparing its fingerprint."""
        return self._parts.authority.ca_pem

    def show(self) -> Vault:
        about, caller = self._parts.about, self._parts.caller
        with self._parts.store.reading() as tx:
            machines = tx.machines.list(self._parts.caller.grant.site)
            return Vault(
                name=about.name,
                version=about.version,
                database=about.database,
                ca_fingerprint=self._parts.authority.fingerprint,
                trusted_ca_pem=self._parts.authority.trusted_pem,
                ca_ends_at=self._parts.authority.ends_at,
                sites=sum(self._parts.sees(site.name) for site in tx.sites.list()),
                appliances=len(tx.appliances.list(self._parts.caller.grant.site)),
                machines=len(machines),
                caller=Caller(token=caller.name, roles=caller.grant.roles, site=caller.grant.site),
                backup_at=self._parts.backups.last(tx),
                findings=self.findings(tx),
            )

    def findings(self, tx: Transaction) -> tuple[Finding, ...]:
        """What is wrong with the vault itself."""
        wrong = self._parts.backups.finding(tx, self._parts.now())
        return () if wrong is None else (finding_shape(wrong),)
