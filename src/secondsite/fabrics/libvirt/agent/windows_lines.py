"""What a Windows guest's PowerShell is told about the addresses of its cards.

What is kept for the way home lies where only administrators write."""

_FRAME = """$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = New-Object Text.UTF8Encoding $false
try {
$asked = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('ASKED')) | ConvertFrom-Json
$card = Get-NetAdapter | Where-Object { $_.MacAddress -eq $asked.mac } | Select-Object -First 1
if (-not $card) { throw "no card $($asked.mac)" }
$index = $card.ifIndex
$folder = Join-Path $env:ProgramFiles 'secondsite\\network'
$kept = Join-Path $folder $asked.mac
function Text($path) { if (Test-Path $path) { [IO.File]::ReadAllText($path) } else { $null } }
function Keep($path, $text) {
    [IO.File]::WriteAllText("$path.part", $text)
    Move-Item -Force "$path.part" $path
}
function ByHand($family) {
    Get-NetRoute -InterfaceIndex $index -AddressFamily $family -ErrorAction SilentlyContinue |
        Where-Object { "$($_.Protocol)" -eq 'NetMgmt' -and $_.NextHop -ne '0.0.0.0' -and $_.NextHop -ne '::' }
}
LINES
} catch { [Console]::Error.WriteLine($_.Exception.Message); exit 3 }
"""

LOOK = """
function Family($family) {
    $of = @{ InterfaceIndex = $index; AddressFamily = $family; ErrorAction = 'SilentlyContinue' }
    $face = Get-NetIPInterface @of
    $addresses = Get-NetIPAddress @of |
        Where-Object { "$($_.PrefixOrigin)" -eq 'Manual' }
    @{
        dhcp = "$($face.Dhcp)" -eq 'Enabled'
        routers = "$($face.RouterDiscovery)" -ne 'Disabled'
        addresses = @($addresses | ForEach-Object { "$($_.IPAddress)/$($_.PrefixLength)" } | Sort-Object)
        routes = @(ByHand $family | Sort-Object DestinationPrefix, NextHop |
            ForEach-Object { @{ to = $_.DestinationPrefix; via = $_.NextHop } })
    }
}
$services = 'HKLM:\\SYSTEM\\CurrentControlSet\\Services'
$dns = foreach ($stack in 'Tcpip', 'Tcpip6') {
    $key = "$services\\$stack\\Parameters\\Interfaces\\$($card.InterfaceGuid)"
    $servers = (Get-ItemProperty -Path $key -ErrorAction SilentlyContinue).NameServer
    "$servers" -split '[, ]' | Where-Object { $_ }
}
@{
    state = @{ ipv4 = Family 'IPv4'; ipv6 = Family 'IPv6'; dns_servers = @($dns) }
    whose = Text "$kept.whose"
    was = Text "$kept.was"
    set = Text "$kept.set"
} | ConvertTo-Json -Compress -Depth 6
"""
"""Tells what the card has by hand, and what is kept of it."""

APPLY = """
if ($asked.whose) {
    New-Item -ItemType Directory -Force $folder | Out-Null
    Keep "$kept.was" $asked.was
    Keep "$kept.set" $asked.set
    Keep "$kept.whose" $asked.whose
}
foreach ($each in $asked.families) {
    $of = @{ InterfaceIndex = $index; AddressFamily = $each.family }
    ByHand $each.family | Remove-NetRoute -Confirm:$false
    Get-NetIPAddress @of -ErrorAction SilentlyContinue |
        Where-Object { 'Manual', 'Dhcp' -contains "$($_.PrefixOrigin)" } | Remove-NetIPAddress -Confirm:$false
    $dhcp = if ($each.dhcp) { 'Enabled' } else { 'Disabled' }
    $routers = if ($each.routers) { 'Enabled' } else { 'Disabled' }
    Set-NetIPInterface @of -Dhcp $dhcp
    if ($each.family -eq 'IPv6') { Set-NetIPInterface @of -RouterDiscovery $routers }
    foreach ($address in $each.addresses) {
        New-NetIPAddress @of -IPAddress $address.ip -PrefixLength $address.prefix | Out-Null
    }
    foreach ($route in $each.routes) {
        New-NetRoute @of -DestinationPrefix $route.to -NextHop $route.via | Out-Null
    }
}
if ($null -ne $asked.dns) {
    if ($asked.dns.Count) { Set-DnsClientServerAddress -InterfaceIndex $index -ServerAddresses $asked.dns }
    else { Set-DnsClientServerAddress -InterfaceIndex $index -ResetServerAddresses }
}
"""
"""Sets what the card has by hand, of the families that are named. Notes before whose it is, what it was and
what it becomes, if that is said."""

FORGET = """
'whose', 'was', 'set' | ForEach-Object { Remove-Item -Force -ErrorAction SilentlyContinue "$kept.$_" }
"""
"""Forgets what is kept of the card."""


def framed(lines: str, asked: str) -> str:
    """The whole script; `asked` is what it is asked, as JSON in base64."""
    return _FRAME.replace("LINES", lines).replace("ASKED", asked)
