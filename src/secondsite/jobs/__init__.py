"""The durable job engine: what an operator starts survives every crash and ends in a recorded way.

A **job** is what somebody started; its **tasks** are the tree that people see, and that tree *is* the journal
the engine resumes from. The rooms, from the floor up:

    states, failures, outcomes    the words
    seams                         named points where a test can kill the process
    tables, database              rows, and how SQLite and PostgreSQL are opened
    views, read                   what others may see of a job
    context, definitions          what a step gets, and how a verb is written down as steps
    plan                          pure: which move a job makes next
    transactions, journal         writes: retried when the database is away, fenced against zombies
    submission, children          jobs that come in; jobs whose steps are jobs
    lease, wake                   who runs what; who is told
    runner, engine                one move after the other; threads

Promises: a step's record and the domain's change of state commit in one transaction; effects happen at least
once and carry an order id that stays the same when a step is run again; waiting costs no thread.

Import the modules (`from secondsite.jobs import definitions`): this file imports none, so that `seams` can be
used without a database.
"""
