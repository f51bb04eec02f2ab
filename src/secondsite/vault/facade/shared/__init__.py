"""What several nouns need.

Its rooms:

    answered_order, discovery  appliances are asked while a face waits
    early_checks               early checks of machines that are to be protected
    hook_scripts               scripts of hooks: who needs which, and what appliances say of them
    job_scopes                 which jobs a caller sees, and may let run again
    job_shapes                 a job and its tasks as the faces show them
    allowed_operations         what may be started for a machine, and why the rest may not
    idempotency                a request is carried out once
    machine_shapes             a machine as the faces show it
    predictions                predicted times, and what runs took
    paging                     lists a page at a time
    secrets                    tokens and keys
    summaries                  all machines at a glance
    prerendered_machines       machines as they are answered, ready written
"""
