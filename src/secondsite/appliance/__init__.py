"""The agent beside a site's hypervisors: takes the vault's orders, replicates by itself, holds the replicas.

Its rooms:

    appliance    one process: starts and stops the parts, `perform(order)`
    control      the websocket to the vault; order_desk runs each order once; status says what changed
    orders/      one file per group of orders, each looks before it acts
    replication  the loop over all sources; cycle is one delta of one machine; sync_pass plans what it sends
    replica_host the replicas of this site; inbox_work applies what arrived; runs starts machines on points
    state        what must survive the process
"""
