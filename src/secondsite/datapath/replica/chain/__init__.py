"""A replica's disks as chains of open qcow2 nodes.

Its rooms:

    chain             open chains, and the merge of one layer with its child
    head_names        the names of heads and of sealed layers
    own_files         checks that layers stand only on each other
    shortcut_layer    one file with the content of several layers
    backing_files     which file stands on which, by their headers
    shared_layers     merged layers that share the data of the layers
    copy_layer        copy a layer's own content into the layer below
    commit_encrypted  the same for encrypted chains, by the storage daemon
"""
