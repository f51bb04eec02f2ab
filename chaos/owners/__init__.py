"""The owner of a real machine lives with it: acts at random with libvirt's own tools between the product's
verbs.

owner     what he does, with virsh
places    where he does it: on the host of each site
walk      steps of both, and what is asked after each
walking   walks on the rig as installed, whose hosts lose their power now and then; the report
"""
