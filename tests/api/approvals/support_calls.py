"""How to ask for everything that changes something."""

from typing import Any

from secondsite.api import permissions
from tests.support.vault import request_for

TYPED = "POST /drills/ways/{way}"
"""What a person types is a part of the visit, which is on record as a whole; nobody else is to read it."""
CHANGING = {call for call in permissions.NEEDS if not call.startswith("GET ")} - {TYPED} | {"POST /enroll"}
TRIES = {"POST /notices/targets/{target}/test", "POST /log-in/providers/{provider}/test"}
"""These change nothing here: a message goes out, or somebody is asked."""
GROUP = {"name": "shop", "source_site": "a", "target_site": "b"}
MAPPING = {"source_site": "a", "source_network": "lan", "target_site": "b", "target_network": "lan-b"}
WHICH = {key: MAPPING[key] for key in ("source_site", "source_network", "target_site")}
TOKEN = {"name": "robot", "roles": ["reader"]}
MACHINES = {"machines": ["web01"]}
WEEKLY = {"every_days": 7, "at": "02:00"}
HOOK = {"webhook": {"url": "http://127.0.0.1:9/"}, "secret": "a key of the two sides"}
PROVIDER = {"issuer": "https://127.0.0.1:9", "client_id": "secondsite"}
POOL_SETTINGS = {"site": "b", "network": "dmz", "subnet": "10.2.0.0/24", "ranges": ["10.2.0.9"]}
POOL = {"name": "dmz", **POOL_SETTINGS}
REQUESTS: dict[str, dict[str, Any]] = {
    "POST /sites": {"json": {"name": "c"}},
    "DELETE /sites/{site}": {"at": "/sites/c"},
    "PUT /sites/{site}/bandwidth": {"at": "/sites/a/bandwidth", "json": {"bytes_per_second": 10**6}},
    "PUT /sites/{site}/verification": {"at": "/sites/b/verification", "json": {"every_days": 7}},
    "PUT /site-pairs/{site}/{other}": {"at": "/site-pairs/a/b", "json": {"reverse_after_commit": False}},
    "POST /sites/{site}/registration-key": {"at": "/sites/a/registration-key"},
    "POST /enroll": {"json": {"key": "wrong", "name": "x", "csr_pem": request_for("x")[1]}},
    "POST /appliances/{appliance}/registration-key": {"at": "/appliances/one/registration-key", "json": {}},
    "PUT /appliances/{appliance}/drain": {"at": "/appliances/one/drain"},
    "DELETE /appliances/{appliance}/drain": {"at": "/appliances/one/drain"},
    "DELETE /appliances/{appliance}": {"at": "/appliances/one"},
    "PUT /networks/mappings": {"json": MAPPING},
    "DELETE /networks/mappings": {"params": WHICH},
    "POST /policies": {"json": {"name": "gold"}},
    "PUT /policies/{policy}": {"at": "/policies/gold", "json": {"name": "gold", "cycle_seconds": 9}},
    "DELETE /policies/{policy}": {"at": "/policies/gold"},
    "POST /pools": {"json": POOL},
    "PUT /pools/{pool}": {"at": "/pools/dmz", "json": {**POOL_SETTINGS, "ranges": ["10.2.0.10"]}},
    "DELETE /pools/{pool}/addresses/{address}": {"at": "/pools/dmz/addresses/10.2.0.10"},
    "DELETE /pools/{pool}": {"at": "/pools/dmz"},
    "POST /appliances/{appliance}/adopt": {"at": "/appliances/nosuch/adopt", "json": {}},
    "POST /tokens": {"json": TOKEN},
    "POST /tokens/{name}/rotate": {"at": "/tokens/robot/rotate"},
    "DELETE /tokens/{name}": {"at": "/tokens/robot"},
    "POST /people": {"json": {"name": "anna", "roles": ["reader"]}},
    "PUT /people/{person}": {"at": "/people/anna", "json": {"roles": ["operator"]}},
    "PUT /people/{person}/disabled": {"at": "/people/anna/disabled"},
    "DELETE /people/{person}/disabled": {"at": "/people/anna/disabled"},
    "POST /people/{person}/reset-password": {"at": "/people/anna/reset-password"},
    "DELETE /people/{person}/second-factor": {"at": "/people/anna/second-factor"},
    "DELETE /people/{person}": {"at": "/people/anna"},
    "PUT /log-in/settings": {"json": {"second_factor": False}},
    "POST /log-in/providers": {"json": {"name": "work", "secret": "of the two sides", **PROVIDER}},
    "PUT /log-in/providers/{provider}": {
        "at": "/log-in/providers/work",
        "json": {**PROVIDER, "name_claim": "email"},
    },
    "POST /log-in/providers/{provider}/test": {"at": "/log-in/providers/work/test"},
    "DELETE /log-in/providers/{provider}": {"at": "/log-in/providers/work"},
    "PUT /session/password": {"json": {"password": "correct horse battery"}},
    "POST /session/second-factor": {"json": {}},
    "PUT /session/second-factor": {"json": {"one_time_code": "123456"}},
    "POST /session/second-factor/remove": {"json": {}},
    "POST /session/security-keys/begin": {"json": {}},
    "POST /session/security-keys/ask": {},
    "POST /session/security-keys": {"json": {"name": "blue", "answer": "{}"}},
    "POST /session/security-keys/{key}/remove": {
        "at": "/session/security-keys/nosuch/remove",
        "json": {},
    },
    "POST /logins/{code}/approve": {"at": "/logins/BCDF-GHJK/approve"},
    "POST /logins/{code}/refuse": {"at": "/logins/BCDF-GHJK/refuse"},
    "DELETE /session": {},
    "DELETE /sessions/{session}": {"at": "/sessions/nosuch"},
    "PUT /audit/settings": {"json": {"kept_days": 90}},
    "PUT /approvals/settings": {"json": {"verbs": []}},
    "POST /approvals/{number}/grant": {"at": "/approvals/1/grant"},
    "POST /approvals/{number}/refuse": {"at": "/approvals/1/refuse"},
    "POST /approvals/{number}/withdraw": {"at": "/approvals/1/withdraw"},
    "POST /groups": {"json": GROUP},
    "POST /groups/{group}/add": {"at": "/groups/shop/add", "json": MACHINES},
    "PUT /groups/{group}": {
        "at": "/groups/shop",
        "json": {**MACHINES, "multi_vm_every_seconds": 90, "app_consistent": False},
    },
    "POST /groups/{group}/remove": {"at": "/groups/shop/remove", "json": MACHINES},
    "DELETE /groups/{group}": {"at": "/groups/shop"},
    "POST /plans": {"json": {"name": "shop", "groups": [MACHINES]}},
    "PUT /plans/{plan}": {"at": "/plans/shop", "json": {"groups": [MACHINES]}},
    "POST /plans/{plan}/keep-open": {"at": "/plans/shop/keep-open"},
    "DELETE /plans/{plan}": {"at": "/plans/shop"},
    "POST /machines/{machine}/drill/passes": {"at": "/machines/web01/drill/passes", "json": {"who": "one"}},
    "DELETE /machines/{machine}/drill/passes/{pass_id}": {"at": "/machines/web01/drill/passes/nosuch"},
    "POST /machines/{machine}/drill/way": {
        "at": "/machines/web01/drill/way",
        "params": {"kind": "console"},
    },
    "POST /drills/schedules": {"json": {"name": "nightly", **MACHINES, **WEEKLY}},
    "PUT /drills/schedules/{schedule}": {
        "at": "/drills/schedules/nightly",
        "json": {**MACHINES, **WEEKLY, "paused": True},
    },
    "POST /drills/schedules/{schedule}/run": {"at": "/drills/schedules/nightly/run"},
    "DELETE /drills/schedules/{schedule}": {"at": "/drills/schedules/nightly"},
    "POST /notices/targets": {"json": {"name": "hook", **HOOK}},
    "PUT /notices/targets/{target}": {"at": "/notices/targets/hook", "json": {**HOOK, "enabled": False}},
    "POST /notices/targets/{target}/test": {"at": "/notices/targets/hook/test"},
    "DELETE /notices/targets/{target}": {"at": "/notices/targets/hook"},
    "POST /machines/{machine}/points/{point}/verify": {"at": "/machines/web01/points/p1/verify"},
    "POST /machines/{machine}/points/{point}/boot": {"at": "/machines/web01/points/p1/boot", "json": {}},
    "POST /machines/{machine}/points/{point}/restore": {
        "at": "/machines/web01/points/p1/restore",
        "json": {"name": "old", "folder": "/srv"},
    },
    "POST /machines/{machine}/points/{point}/list-files": {
        "at": "/machines/web01/points/p1/list-files",
        "json": {"path": "vda1"},
    },
    "POST /machines/{machine}/points/{point}/fetch-files": {
        "at": "/machines/web01/points/p1/fetch-files",
        "json": {"path": "vda1/etc", "folder": "/srv"},
    },
    "POST /machines/{machine}/points/{point}/send-files": {
        "at": "/machines/web01/points/p1/send-files",
        "json": {"path": "vda1/etc"},
    },
    "POST /machines/{machine}/start-anyway": {
        "at": "/machines/web01/start-anyway",
        "json": {"site": "a", "accept_two_copies": True},
    },
    "PUT /machines/{machine}/connecting/{line}": {"at": "/machines/web01/connecting/san-policy"},
    "DELETE /machines/{machine}/connecting/{line}": {"at": "/machines/web01/connecting/san-policy"},
    "PUT /machines/{machine}/points/{point}/hold": {
        "at": "/machines/web01/points/p1/hold",
        "json": {"reason": "why"},
    },
    "PUT /machines/{machine}/policy": {"at": "/machines/web01/policy", "json": {"policy": "default"}},
    "DELETE /machines/{machine}/points/{point}/hold": {"at": "/machines/web01/points/p1/hold"},
    "POST /jobs/{job}/cancel": {"at": "/jobs/nosuch/cancel"},
    "POST /jobs/{job}/retry": {"at": "/jobs/nosuch/retry"},
    "POST /jobs/{job}/resume": {"at": "/jobs/nosuch/resume"},
    "POST /jobs/{job}/answer": {"at": "/jobs/nosuch/answer", "json": {"task": 0, "verdict": "done"}},
}
"""How to ask for what is no verb of the lifecycle, in an order in which most of it succeeds."""


def request_of(call):
    method, path = call.split(" ")
    how = dict(REQUESTS[call] if call in REQUESTS else verb_request(path))
    return method, how.pop("at", path), how


def verb_request(path):
    body = {"machines": ["web01"], "source_site": "a", "target_site": "b", "disks": ["vdb"]}
    if path.endswith(("enable-protection", "settle")):
        del body["disks"]
    if "{machine}" in path:
        del body["machines"]
    return {"at": path.format(machine="web01", plan="shop"), "json": body}
