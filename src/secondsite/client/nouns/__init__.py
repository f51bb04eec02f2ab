"""What a vault has. A noun gives all of its things (`list`, or by iterating over it) and makes new ones;
indexed by a name it gives a handle of one thing, without a request.

    machines     under protection, or to be; verbs and recovery points of them
    verbs        what may be started for machines
    points       recovery points of a machine
    jobs         what was started
    sites, appliances, mappings, pools, policies, groups, plans    records
    drills       schedules of test failovers
    drill_ways   who may come into the machine of an open one
    notices      targets of notices
    access       tokens, people, sessions, approvals, the audit log, evidence
"""
