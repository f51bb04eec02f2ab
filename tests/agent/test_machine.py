"""What the agent tells of the machine that it runs on is what the other side takes."""

import json

from secondsite.fabrics.agent import telling

from . import support_agent as support


def test_the_program_tells_of_this_machine(tmp_path):
    told = telling.read("here", json.loads(support.run(str(support.PROGRAM), "machine")))
    assert told.memory_bytes > 0
    assert told.vcpus >= 1
    assert told.looks is not None
    assert told.looks.clock.at > 1e9


def test_an_agent_that_serves_tells_of_the_disks_that_it_follows_and_of_those_that_it_refuses(
    make_disk, start
):
    disk = make_disk()
    agent = start([disk])
    told = telling.read("here", agent.ask("machine")["told"])
    assert disk.name in [each.name for each in told.disks if not each.refused]
    assert [each.name for each in told.disks if each.refused]
    assert told.looks is not None
    assert [each.where for each in told.looks.file_systems if each.where == str(disk.mount)]
