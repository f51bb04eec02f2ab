"""What a job is, and which move it makes next: words, definitions, decisions; no database, no thread.

Its rooms:

    task_kind    a task does a step, or undoes one
    failures     what goes wrong
    outcomes     what a step may answer
    facts        the arguments of jobs and the facts that steps leave
    views        what can be seen of a job
    asking       what a step asks a person, and the answer
    context      what a running step sees
    definitions  a verb written down as steps
    catalogue    all of them, and the steps of jobs that bring their own
    plan         which move comes next
    clock        where the time comes from
"""
