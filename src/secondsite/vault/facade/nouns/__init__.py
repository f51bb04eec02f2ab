"""One class per noun: what may be asked of it, plain shapes in and out.

Its rooms:

    info, sites, appliances, networks, policies, tokens, audit, approvals  the vault and its settings
    adoption                                             what an appliance has of a vault that is gone
    machines, points, point_holds, groups                what is protected
    choices                                              what may be chosen to start from
    predictions                                          how long a verb will take
    plans                                                what is recovered together, and its runs
    drills                                               test failovers that the vault starts
    notices                                             what people and programs are told of
    settings                                             what is set for single machines, and pools of addresses
    preflight                                            what would be in the way of a verb
    validation                                           whether all is as a failover needs it
    evidence                                            what is kept of failovers and drills
    verbs, jobs, events                                 what is started, and how it goes on
"""
