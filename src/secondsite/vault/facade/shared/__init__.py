"""What several nouns need.

Its rooms:

    answered_order, discovery  appliances are asked while a client waits
    dialled_ways               ways of which an appliance dials its half
    early_checks               early checks of machines that are to be protected
    hook_scripts               scripts of hooks: which appliance needs which, and its answers
    job_scopes                 which jobs a caller sees, and may run again
    job_shapes                 a job and its tasks as REST shapes
    allowed_operations         what may be started for a machine, and why the rest may not
    idempotency                a request is carried out once
    names_of_machines          which names machines have at a site
    machine_shapes             a machine as a REST shape
    machine_rows               machines as rows: which fit, in which order
    predictions                predicted times, and what runs took
    paging                     lists a page at a time
    editions                   a change names the edition that its caller saw
    as_read                    a verb names what its caller read of the machines
    secrets                    tokens and keys
    passwords, totp, webauthn  passwords, codes of an app, and security keys
    summaries                  overview of all machines
    overviews                  what rows say together, for an overview
    prerendered_machines       machines as JSON, written once for many answers
"""
