"""How far behind the second site is, in 99 of 100 moments, while a machine with an agent writes 20 MB/s."""

from __future__ import annotations

import contextlib
import subprocess
import time

from bench.errors import NotMeasured
from bench.figure import Figure, percentile, spread_of
from bench.support import followed
from rig.agent_sites import AgentSites
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground import threads
from secondsite.ground.units import TiB
from secondsite.wire import rest

BYTES_PER_SECOND = 20e6
WARM_SECONDS, SAMPLED_SECONDS, EVERY_SECONDS = 15, 90, 0.3
START_SECONDS = 120
POLICY = rest.PolicyCreate(
    name="bench", rpo_threshold_seconds=60, retention_seconds=3600, crash_consistent_every_seconds=10,
    app_consistent_every_seconds=0, cycle_seconds=1,
)  # fmt: skip


def measure() -> Figure:
    with contextlib.ExitStack() as stack:
        machine = followed.Machine(stack)
        rig = stack.enter_context(AgentSites("simulated", forked=True)).open()
        simulated.give_host_memory(rig.home("appliance-b") / "fabric", TiB)
        name = _protected(stack, rig, machine)
        writing = threads.worker(
            "writer", lambda: machine.written(WARM_SECONDS + SAMPLED_SECONDS + 5, BYTES_PER_SECOND)
        )
        writing.start()
        time.sleep(WARM_SECONDS)
        samples = _sample(rig, name)
        writing.join(START_SECONDS)
    return Figure(
        name="agent_rpo_p99_seconds", value=round(percentile(samples, 0.99), 2), unit="s", goal=10.0,
        better="lower", peer="none",
        how="now minus the instant of the newest cycle that is applied at the target, as the vault tells it, "
        f"every {EVERY_SECONDS} s for {SAMPLED_SECONDS} s; a real agent by TLS, ext4 on a loop device of this"
        " machine, 64 KiB written and made durable, 20 MB a second; cycles 1 s apart at least",
        spread=spread_of(samples), measured={"seconds": [round(each, 2) for each in samples]},
    )  # fmt: skip


def _protected(stack: contextlib.ExitStack, rig: AgentSites, machine: followed.Machine) -> str:
    """The machine's name, once it has a point."""
    state = machine.folder / "state"
    appliance = f"127.0.0.1:{rig.agents_port}"
    enroll = ["enroll", "--state", str(state), "--appliance", appliance, rig.agent_key()]
    subprocess.run([str(followed.PROGRAM), *enroll], check=True, timeout=START_SECONDS)
    follows = ["run", "--state", str(state), "--loops", machine.device.name, "--only-loops"]
    agent = subprocess.Popen([str(followed.PROGRAM), *follows])
    stack.callback(agent.wait, START_SECONDS)
    stack.callback(agent.terminate)
    with rig.client() as vault:
        vault.policies.create(**POLICY.model_dump())
        [found] = eventually(lambda: vault.sites["a"].inventory().machines, START_SECONDS)
    request = rest.EnableProtection(machines=(found.name,), source_site="a", target_site="b", policy="bench")
    rig.must(Verb.ENABLE_PROTECTION, request)
    rig.wait_for(found.name, lambda shown: shown.points.count > 0, START_SECONDS)
    return found.name


def _sample(rig: AgentSites, name: str) -> list[float]:
    samples = []
    ends_at = time.monotonic() + SAMPLED_SECONDS
    with rig.client() as vault:
        while time.monotonic() < ends_at:
            behind = vault.machines[name].show().rpo.processed_seconds
            if behind is None:
                raise NotMeasured("the target lost what it had processed")
            samples.append(behind)
            time.sleep(EVERY_SECONDS)
    return samples
