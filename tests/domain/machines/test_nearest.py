"""What comes nearest on a host that does not have a machine's own chip set, processor or firmware."""

import pytest

from secondsite.domain.machines import nearest

OLD = frozenset({
    "q35", "pc", "pc-q35-7.2", "pc-q35-6.2", "pc-q35-2.10", "pc-q35-2.9", "pc-i440fx-7.2", "microvm",
    "pc-q35-bookworm",
})  # fmt: skip
NEW = frozenset({"q35", "pc-q35-10.0", "pc-q35-9.2", "pc-q35-2.10", "pc-i440fx-2.4", "pc-i440fx-2.12"})
MODELS = frozenset({"host-model", "Westmere", "Nehalem", "Haswell-noTSX", "Haswell-IBRS", "EPYC", "qemu64"})
SMALL = frozenset({"OVMF_CODE.fd", "OVMF_CODE.ms.fd", "OVMF_VARS.fd"})
LARGE = frozenset({
    "OVMF_CODE_4M.fd", "OVMF_CODE_4M.ms.fd", "OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.fd"
})  # fmt: skip


@pytest.mark.parametrize(("wanted", "kinds", "here"), [
    ("pc-q35-10.0", OLD, "pc-q35-7.2"),
    ("pc-i440fx-10.0", OLD, "pc-i440fx-7.2"),
    ("pc-q35-6.2", OLD, "pc-q35-6.2"),
    ("pc-q35-6.0", OLD, "pc-q35-2.10"),  # not 2.9: versions are no text
    ("pc-i440fx-2.3", NEW, "pc-i440fx-2.4"),  # what is older was dropped
    ("pc-q35-7.2", NEW, "pc-q35-2.10"),
    ("virt-10.0", OLD, "virt-10.0"),  # another chip set
    ("q35", OLD, "q35"),
    ("pc-q35-noble", OLD, "pc-q35-noble"),
    ("pc-q35-10.0", frozenset(), "pc-q35-10.0"),  # a host that does not tell
])  # fmt: skip
def test_the_newest_older_version_of_a_chip_set_is_the_nearest_or_else_the_oldest_newer(wanted, kinds, here):
    assert nearest.machine_type(wanted, kinds) == here


@pytest.mark.parametrize(("wanted", "here"), [
    ("GraniteRapids", "Haswell-IBRS"),
    ("Haswell-v4", "Haswell-IBRS"),
    ("SandyBridge-IBRS", "Westmere"),
    ("Snowridge-v2", "Westmere"),
    ("EPYC-Rome-v4", "EPYC"),
    ("EPYC-Milan", "EPYC"),
    ("EPYC-v4", "EPYC"),
    ("Opteron_G5", "host-model"),  # nothing of its line that is not newer
    ("n270", "host-model"),  # of no line
])  # fmt: skip
def test_the_newest_model_of_the_same_line_that_is_not_newer_is_the_nearest(wanted, here):
    assert nearest.cpu_model(wanted, MODELS) == here


def test_no_model_is_near_where_none_of_the_line_is_and_the_host_has_none_of_its_own():
    assert nearest.cpu_model("EPYC", frozenset({"Westmere"})) is None
    assert nearest.cpu_model("EPYC", frozenset()) is None


@pytest.mark.parametrize(("wanted", "files", "here"), [
    ("OVMF_CODE_4M.secboot.strictnx.fd", LARGE, ("OVMF_CODE_4M.secboot.fd", True)),
    ("OVMF_CODE.fd", LARGE, ("OVMF_CODE_4M.fd", False)),
    ("OVMF_CODE.ms.fd", LARGE, ("OVMF_CODE_4M.ms.fd", False)),
    ("OVMF_CODE_4M.ms.fd", SMALL, ("OVMF_CODE.ms.fd", False)),
    ("OVMF_CODE_4M.snakeoil.fd", LARGE, ("OVMF_CODE_4M.fd", True)),
    ("AAVMF_CODE.fd", LARGE, (None, False)),
    ("OVMF_CODE.fd", frozenset(), (None, False)),
])  # fmt: skip
def test_a_build_of_the_same_size_is_nearer_than_one_whose_variables_are_of_another(wanted, files, here):
    assert nearest.firmware(wanted, files) == here
