"""What is there of a fabric of Proxmox VE. **No node of Proxmox VE has seen it yet**: it was tried with a
program that answers by the API's own schema.

It cannot replicate. It has no views of disks, makes no machines, and reads no firmware state. So it is no
whole fabric, and nobody can choose it.

Its rooms:

    access      addresses, the API token, and whose certificate is believed
    connection  calls to the REST API, by one of the nodes
    errors      what Proxmox VE answers instead, in our words
"""
