"""What a monitoring system reads of the vault: numbers in the text format of Prometheus.

All of it is read from the database and from what the appliances last said, so each process of a vault tells
the same; a scrape of one is enough.

Its rooms:

    families           the names of all metrics, and what each says
    exposition         the text format
    machine_series     of a machine
    appliance_series   of an appliance, its host and its stores
    vault_series       of the vault itself, and its jobs
    ended_jobs         how many jobs ended, and how
    loop_lag           how late the process comes to its work
"""
