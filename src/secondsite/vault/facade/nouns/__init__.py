"""One class per noun: what may be asked of it, plain shapes in and out.

Its rooms:

    info, sites, appliances, networks, policies, tokens, audit, approvals  the vault and its settings
    machines, points, point_holds, groups, plans         what is protected
    settings                                             what is set for single machines
    verbs, jobs, events                                 what is started, and how it goes on
"""
