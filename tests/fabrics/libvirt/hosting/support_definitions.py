"""A definition with all that stays at its host."""

from secondsite.fabrics.libvirt.host import domain_xml

TAG = "33333333-2222-4333-8444-555555555555"
SOURCE = """<domain type='kvm' id='4'><name>web</name><uuid>11111111-1111-4111-8111-111111111111</uuid>
<metadata><other:x xmlns:other="urn:other"/></metadata>
<memory unit='GiB'>2</memory><currentMemory unit='GiB'>2</currentMemory>
<vcpu placement='static' cpuset='0-3'>4</vcpu><cputune><vcpupin vcpu='0' cpuset='1'/></cputune>
<sysinfo type='smbios'><system><entry name='uuid'>11111111-1111-4111-8111-111111111111</entry></system></sysinfo>
<os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type>
  <loader type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/old/web_VARS.fd</nvram></os>
<features><acpi/><hyperv><relaxed state='on'/></hyperv></features>
<cpu mode='host-passthrough'><topology sockets='1' cores='4' threads='1'/></cpu>
<clock offset='utc'><timer name='kvmclock' present='yes'/><timer name='rtc'/></clock>
<devices>
 <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='/old/a.qcow2' index='1'/>
   <backingStore/><target dev='vda' bus='virtio'/><boot order='1'/></disk>
 <disk type='block' device='disk'><driver type='raw'/><source dev='/dev/sdx'/><target dev='vdb' bus='virtio'/></disk>
 <disk type='file' device='cdrom'><source file='/old/cd.iso'/><target dev='sda' bus='sata'/></disk>
 <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default' portid='x'/><target dev='vnet3'/>
   <model type='virtio'/></interface>
 <interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/></interface>
 <hostdev mode='subsystem' type='pci'><source><address bus='1'/></source></hostdev>
 <serial type='file'><source path='/old/web.log'/><target port='0'/></serial>
 <graphics type='vnc' port='5901'/>
</devices></domain>"""  # noqa: E501


def child(root, path):
    """The element there, which must be there."""
    found = root.find(path)
    assert found is not None, path
    return found


def described():
    return domain_xml.definition(SOURCE, {"vda": 10 << 30, "vdb": 1 << 30})
