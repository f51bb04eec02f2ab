"""The durable job engine: what an operator starts survives every crash and ends in a recorded way.

A **job** is what somebody started; its **tasks** are the tree that people see, and that tree *is* the journal
that the engine resumes from. The rooms, lowest first:

    model/    the words of jobs, their definitions, and which move comes next: pure
    storage/  jobs in the database: written under a fence, read within a session
    running/  requests, the engine that moves jobs on, its threads

Promises: a step's record and the domain's change of state commit in one transaction; effects happen at least
once and carry an order id that stays the same when a step is run again; waiting costs no thread.
"""
