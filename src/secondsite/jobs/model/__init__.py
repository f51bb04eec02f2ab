"""The model of a job: its words, definitions and next move; no database, no thread.

Its rooms:

    failures     failures that are recorded, and errors
    outcomes     the possible results of a step
    facts        the arguments of jobs and the facts that steps leave
    views        the job and its tasks as they are read
    asking       questions of a step to a person, and the answers
    context      what a running step sees
    definitions  a verb written down as steps
    catalogue    all definitions, and the steps of jobs that have their own
    plan         which move comes next
    clock        the clock of the engine
"""
