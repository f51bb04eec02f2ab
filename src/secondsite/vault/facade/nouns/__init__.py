"""One class per noun: the calls for it, with plain shapes in and out.

Its rooms:

    info, sites, appliances, networks, policies, tokens, audit, approvals  the vault and its settings
    login                          people log in, and their sessions
    adoption                       takes over what an appliance has of a vault that is gone
    machines, points, groups       protected machines
    predictions                    how long a verb will take
    capacity                       what it takes to protect machines
    plans                          recovery plans
    settings                       settings of single machines, and address pools
    preflight                      what would prevent a verb
    validation                     whether the configuration is ready for failovers
    evidence                       evidence of failovers and drills
    verbs, jobs, events            starting verbs, their jobs, and what changes
    machine_choices, plan_choices  recovery points that can be chosen now
    plan_runs                      runs of plans, and how long they will take
    drill_schedules                drills that the vault starts by itself
    drilling                       people in the machines of open drills
    notice_targets                 targets of notices
    glance                         rows of machines and jobs, live
    reporting                      the weekly report
    metrics                        what a monitoring system reads
"""
