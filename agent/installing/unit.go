package installing

import "strings"

const (
	program  = "/usr/local/sbin/secondsite-agent"
	unitName = "secondsite-agent.service"
	unitPath = "/etc/systemd/system/" + unitName
)

// unit needs no mount namespace: the agent freezes the file systems of the machine as they are mounted now, and hiding
// any of them would leave it out of a point. KillMode leaves the watchdog alone, which thaws what a killed agent froze.
// Nice and weights stay moderate, since file systems stand still while it works. What it runs (an owner's hooks, what
// unpacks an initramfs) counts into the memory, and may be killed for it without ending the agent. Its last view before
// a planned failover switches the machine off.
const unit = `# Written by 'secondsite-agent install', and removed by 'secondsite-agent remove'.
[Unit]
Description=secondsite's agent: gives this machine's disks to its appliance
Wants=network-online.target
After=network-online.target local-fs.target
StartLimitIntervalSec=0

[Service]
ExecStart=PROGRAM run
Restart=always
RestartSec=5
KillMode=process
TimeoutStopSec=30

# The machine's own work goes first.
Nice=5
CPUWeight=20
IOWeight=20
IOSchedulingClass=best-effort
IOSchedulingPriority=7
MemoryMax=192M
OOMPolicy=continue
MemorySwapMax=0
TasksMax=128
OOMScoreAdjust=900
LimitMEMLOCK=infinity
LimitNOFILE=4096
LimitCORE=0

UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_SYS_ADMIN CAP_BPF CAP_PERFMON CAP_SYS_RESOURCE CAP_SYS_RAWIO CAP_SYS_NICE CAP_IPC_LOCK
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_KILL CAP_SETUID CAP_SETGID CAP_SYS_BOOT
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=~@swap @module @clock @obsolete
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`

func unitText() string { return strings.Replace(unit, "PROGRAM", program, 1) }
