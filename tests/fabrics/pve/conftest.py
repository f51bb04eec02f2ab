import pytest

from tests.fabrics.pve.support_pve import Cluster, connected


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


@pytest.fixture
def connection(cluster):
    with connected(cluster.reached_at()) as connection:
        yield connection
