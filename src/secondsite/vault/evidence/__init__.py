"""Evidence of each failover and drill that has ended. It is kept for ever, since jobs are deleted after 90
days.

    keeper    finds jobs that have ended, and keeps evidence of each once
    document  the document of evidence, about a job
    machines  what it says about each machine
    steps     what it says about each step
    goals     how long a run took, compared with the goals
"""
