"""/etc/resolv.conf, where no program writes it."""

from .card_plan import REMARK, CardPlan, GuestFile

PATH = "/etc/resolv.conf"


def file(plan: CardPlan, present: str) -> GuestFile:
    """The file with other name servers; what else it says stays."""
    ours = f"# {REMARK}"
    kept = [line for line in present.split("\n") if line.split()[:1] != ["nameserver"] and line != ours]
    while kept and not kept[-1].strip():
        kept.pop()
    servers = [f"nameserver {each}" for each in plan.dns_servers]
    return GuestFile(PATH, "\n".join((ours, *servers, *kept)) + "\n")
