"""The OpenAPI document says it all: every field, every parameter, every word that may stand there."""

import pytest

from secondsite.entry import reference

DOCUMENT = reference.openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_shape_and_every_field_of_it_is_described(name):
    schema = SCHEMAS[name]
    assert schema.get("description"), name
    for field, what in schema.get("properties", {}).items():
        assert what.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_call_and_every_parameter_of_it_is_described(name):
    operation = OPERATIONS[name]
    assert operation.get("description"), name
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description"), f"{name}: {parameter['name']}"


AS_KEPT = ("EvidenceExport.evidence",)
"""Its digest is that of what was written, by whichever release: reading it into a shape would change it."""


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_no_field_is_an_object_of_anything(name):
    for field, what in SCHEMAS[name].get("properties", {}).items():
        if f"{name}.{field}" in AS_KEPT:
            continue
        for kind in (what, *what.get("anyOf", ())):
            loose = kind.get("type") == "object" and kind.get("additionalProperties") in (None, True)
            assert not loose, f"{name}.{field}"


@pytest.mark.parametrize(
    "field",
    [
        "Machine.state", "Machine.health", "Machine.power", "Machine.direction", "Machine.allowed_operations",
        "Finding.code", "Finding.severity", "Drill.state", "Synchronization.mode", "PointShape.consistency",
        "Job.state", "Job.verb", "Task.state", "Vault.database", "DiscoveredMachine.power",
        "WindowShape.days",
        "Transition.state", "Transition.trigger", "RecoveryPreview.choice", "Reprotect.location",
    ],
)  # fmt: skip
def test_words_are_enumerated(field):
    shape, name = field.split(".")
    assert enumerations(SCHEMAS[shape]["properties"][name]), field


def enumerations(schema):
    """All enumerations that a value of the schema may come from."""
    found = [schema["enum"]] if "enum" in schema else []
    if "$ref" in schema:
        found += enumerations(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    for part in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        found += enumerations(part)
    return found


NOTHING_NEW = {
    "POST /api/appliances/{appliance}/adopt",
    "POST /api/groups/{group}/add",
    "POST /api/groups/{group}/remove",
    "POST /api/approvals/{number}/grant",
    "POST /api/notices/targets/{target}/test",
    "POST /api/machines/{machine}/drill/way",
    "POST /api/drills/ways/{way}",
    "POST /api/session",
    "POST /api/log-in/begin",
    "POST /api/log-in/finish",
    "POST /api/log-in/providers/{provider}/test",
    "POST /api/logins",
    "POST /api/logins/poll",
    "POST /api/logins/{code}/approve",
    "POST /api/logins/{code}/refuse",
    "POST /api/machines/{machine}/points/{point}/list-files",
    "POST /api/machines/{machine}/points/{point}/send-files",
    "POST /api/plans/{plan}/keep-open",
    "POST /api/session/question",
    "POST /api/session/security-keys",
    "POST /api/session/security-keys/ask",
    "POST /api/session/security-keys/begin",
    "POST /api/session/security-keys/{key}/remove",
    "POST /api/session/second-factor",
    "POST /api/session/second-factor/remove",
}
"""A repeat of these changes nothing by itself, or begins a session that ends the one before. A list of a
point's files, or an archive of them, makes nothing: it is a POST since each is on record."""


@pytest.mark.parametrize("name", sorted(name for name in OPERATIONS if name.startswith("POST ")))
def test_every_call_that_starts_or_makes_something_takes_an_idempotency_key_and_says_where_it_is(name):
    operation = OPERATIONS[name]
    headers = {each["name"].lower() for each in operation.get("parameters", ()) if each["in"] == "header"}
    assert ("idempotency-key" in headers) is (name not in NOTHING_NEW)
    if "202" in operation["responses"]:
        assert "Location" in operation["responses"]["202"]["headers"]
