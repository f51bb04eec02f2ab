"""One class per noun: what may be asked of it, plain shapes in and out.

Its rooms:

    info, sites, appliances, networks, policies, tokens, audit, approvals  the vault and its settings
    adoption                       what an appliance has of a vault that is gone
    machines, points, point_holds, groups  what is protected
    predictions                    how long a verb will take
    plans                          what is recovered together, and its runs
    settings                       what is set for single machines, and pools of addresses
    preflight                      what would be in the way of a verb
    validation                     whether all is as a failover needs it
    evidence                       what is kept of failovers and drills
    verbs, jobs, events            what is started, and how it goes on
    machine_choices, plan_choices  recovery points that may be chosen now
    plan_runs    runs of plans, and how long they will take
    drill_schedules                drills that the vault starts by itself
    notice_targets                 whom notices go to
"""
