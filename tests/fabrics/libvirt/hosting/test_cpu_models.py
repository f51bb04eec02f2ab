"""Another CPU model than at home: which ones libvirt says there are, and how a machine is given one."""

from dataclasses import replace
from pathlib import Path

from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import adapt, cpu_models
from secondsite.wire.common.properties import Sizing
from tests.fabrics.libvirt.hosting.support_definitions import SOURCE, TAG, described

PLACE = adapt.HostFeatures(True, frozenset(), Path("/site/console"), Path("/site/nvram"))
CAPABILITIES = """<domainCapabilities><cpu>
<mode name='host-passthrough' supported='no'/><mode name='maximum' supported='yes'/><mode name='host-model' supported='yes'>
<model fallback='forbid'>EPYC</model></mode><mode name='custom' supported='yes'><model usable='yes' vendor='Intel'>Nehalem</model>
<model usable='no' vendor='Intel'>Snowridge</model></mode></cpu></domainCapabilities>"""  # noqa: E501
SWITCHED = SOURCE.replace(
    "<cpu mode='host-passthrough'>",
    (
        "<cpu mode='custom' match='exact'><model fallback='allow'>EPYC</model><vendor>AMD</vendor><feature "
        "policy='disable' name='avx'/>"
    ),
)


def asked(model, definition=None):
    return HostRequest(
        fabric_id="99999999-1111-4111-8111-111111111111", name="web-dr", definition=definition or described(),
        disks={}, networks={}, tag=TAG, sizing=Sizing(cpu_model=model),
    )  # fmt: skip


def cpu(request, place=PLACE):
    return domain_xml.parse(adapt.adapted(request, place)).find("cpu")


def test_only_models_that_guests_can_really_run_with_are_offered_and_modes_that_are_supported():
    assert cpu_models.read(CAPABILITIES).usable == {"host-model", "maximum", "Nehalem"}


def test_a_named_model_is_given_exactly_and_what_was_made_for_another_one_goes():
    switched = domain_xml.definition(SWITCHED, {})
    assert cpu(asked(None, switched)).findtext("model") == "EPYC"
    request = asked("Nehalem", switched)
    made = cpu(request)
    assert (made.get("mode"), made.get("match"), made.findtext("model")) == ("custom", "exact", "Nehalem")
    assert made.find("model").get("fallback") == "forbid"
    assert [made.find(path) for path in ("vendor", "feature")] == [None, None]
    assert made.find("topology").get("cores") == "4"
    assert adapt.left_out(request, PLACE) == ("CPU features",)


def test_the_model_of_the_host_takes_no_name():
    made = cpu(asked("host-model"))
    assert (made.get("mode"), made.find("model")) == ("host-model", None)


def test_without_kvm_the_model_is_emulated_where_that_of_the_definition_could_not_be():
    emulated = replace(PLACE, kvm=False)
    assert cpu(asked(None), emulated) is None
    assert cpu(asked("Nehalem"), emulated).findtext("model") == "Nehalem"
