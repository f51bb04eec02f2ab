"""The findings of machines: what is wrong, why, and what to do about it.

Its rooms:

    findings           of a machine: what the appliances report, and what only the vault can see; pure
    standing_findings  those that stand until somebody acts; pure
    machine_rpo        how old the newest state is that a machine could be recovered to
    identity_cache     what follows from a status, found once
    disbelief          what an appliance said and was not believed
    backups            whether there is a good backup of the vault, by its own record
"""
