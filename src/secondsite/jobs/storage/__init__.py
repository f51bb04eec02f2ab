"""The storage of jobs: every write fenced, every read within the caller's session.

Its rooms:

    database          SQLite and PostgreSQL, opened as the engine needs them
    pool_connections  open connections of a pool, so that they can be closed
    tables            the tables of jobs, tasks and engines
    sessions          sessions for one transaction each, with functions to call at its commit
    transactions      transactions, retried while the database is away
    prepared          statements that run for every transition
    group_commit      one transaction for the writes of several threads
    journal           the writes to jobs and tasks
    changed_jobs      which jobs a transaction has changed
    awaited_signals   which signals recorded waits are for
    lease             which engines are alive, and who may run which job
    claims            claims of jobs: exactly one engine gets each
    read              reads a job, its tasks, its tree
    search            finds jobs
    clock_changes     moves waits when the host's clock is set
"""
