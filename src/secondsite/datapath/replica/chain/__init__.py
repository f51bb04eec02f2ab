"""A replica's disks as chains of open qcow2 nodes.

Its rooms:

    chain             open chains, and the merge of one layer with its child
    head_names        the head has a name of its own until it is sealed
    own_files         layers stand on each other, and on nothing else
    merged_layer      one file with the content of several layers
    backing_files     which file stands on which, by their headers
    shared_layers     merged layers whose data is that of the layers
    copy_layer        copy a layer's own content into the layer below
    commit_encrypted  the same for encrypted chains, by the storage daemon
"""
