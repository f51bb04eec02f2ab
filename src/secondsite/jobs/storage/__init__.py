"""Jobs in rows: every write fenced, every read within the caller's session.

Its rooms:

    database          SQLite and PostgreSQL, opened as the engine needs them
    pool_connections  open connections, to be hung up
    tables            the rows
    sessions          one transaction each, and what is done when it commits
    transactions      retried while the database is away
    prepared          statements that run for every transition
    group_commit      what several threads write, in one transaction
    journal           the writes to jobs and tasks
    changed_jobs      which jobs a transaction has changed
    awaited_signals   which signals are waited for in rows
    lease             who is alive, who may run which job
    claims            exactly one engine gets a job
    read              a job, its tasks, its tree
    search            finds jobs
    clock_changes     what to do when the host's clock is set
"""
