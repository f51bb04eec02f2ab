"""A real Ceph cluster for a test module. Its programs are installed by the first test that needs them."""

import base64
import contextlib
import os
import shutil
from pathlib import Path

from rig.ceph_cluster import HERE, POOL, PROGRAMS, CephCluster
from tests.support import packages

BACKENDS = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/libvirt/storage-backend")
USER, SECRET = "machines", "5e2a6e0c-7d3f-4b5b-9f5e-0f6c0a6b7c11"


@contextlib.contextmanager
def cluster_in(folder):
    """A cluster that runs inside; skips where its programs cannot be had."""
    require_programs()
    with CephCluster(folder) as cluster:
        yield cluster


def require_programs():
    """Skips the test where Ceph is missing, and cannot be installed."""
    packages.require("ceph", lambda: all(map(shutil.which, PROGRAMS)) and any(BACKENDS.glob("*_rbd.so")))


def define_secret(handle, cluster, private="no"):
    """The key of the user whom definitions name, as libvirt has it; returns it."""
    text = (
        f"<secret ephemeral='no' private='{private}'><uuid>{SECRET}</uuid>"
        f"<usage type='ceph'><name>client.{USER}</name></usage></secret>"
    )
    key = cluster.key(USER)
    handle.secretDefineXML(text).setValue(base64.b64decode(key))
    return key


@contextlib.contextmanager
def pool_of(handle, cluster):
    """A storage pool of this libvirt with the cluster's images; skips where libvirt has no such pools."""
    define_secret(handle, cluster)
    host = f"<host name='{HERE}' port='{cluster.port}'/>"
    auth = f"<auth type='ceph' username='{USER}'><secret uuid='{SECRET}'/></auth>"
    source = f"<source><name>{POOL}</name>{host}{auth}</source>"
    pool = handle.storagePoolCreateXML(f"<pool type='rbd'><name>images-{cluster.port}</name>{source}</pool>")
    try:
        yield pool
    finally:
        pool.destroy()
        handle.secretLookupByUUIDString(SECRET).undefine()
