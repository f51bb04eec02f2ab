package installing

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"secondsite/agent/fencing"
	"secondsite/agent/services"
)

const (
	units     = "/etc/systemd/system/"
	generator = fencing.Generator
	// Hardware tells this machine from its copy at the other site, which boots the same disks.
	Hardware = "/sys/class/dmi/id/product_uuid"
)

// generatorText is asked by systemd before any unit of a boot. Only on the hardware that it was made for it leads the
// boot to the fence: a copy at the other site, or a drill, boots as ever.
//
// Masked wants alone left out what other generators want (Quadlet), and what network-online.target or getty.target do. So
// services start only once the boot is open, whoever wants them; but those that a boot needs before anybody can be asked,
// and those by which the machine is reached. Whoever was left out is wanted once more when the boot opens.
const generatorText = `#!/bin/sh
# Written by 'secondsite-agent install --fence', and removed by 'install --fence=no' or 'remove'. For one boot without:
# the kernel's word secondsite.fence=off.
[ -e NOTE ] && exit 0
[ "$(cat FILE 2>/dev/null)" = "HARDWARE" ] || exit 0
# Whoever masks the service that asks has taken the fence away: nobody else would ever open it.
[ -s UNITSSERVICE ] || exit 0
found='/etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system'
led=default.target mended='' dropins=''
set -f
if [ -e /run/systemd/container ]; then words=$(tr '\0' ' ' </proc/1/cmdline); else words=$(cat /proc/cmdline); fi
for word in $words; do
    case $word in
        secondsite.fence=off | systemd.mask=SERVICE) exit 0 ;;
        systemd.unit=*) led=${word#systemd.unit=} ;;
        2 | 3 | 4) led=multi-user.target ;;
        5) led=graphical.target ;;
        emergency | rescue | single | -b | 1 | s | S) led=rescue.target ;;
    esac
done
set +f
# Whoever mends the machine from a shell, or starts something singular, is not held; from there to the default target it is
# asked. What is no name at all systemd passes over.
case $led in
    rescue.target | emergency.target | sysinit.target | basic.target | runlevel[016].target | system-update*.target) mended=yes ;;
    poweroff.target | halt.target | reboot.target | kexec.target) mended=yes ;;
    *[!A-Za-z0-9:_.@\\-]* | .*) led=default.target ;;
    *\\*) mended=yes ;;
    *.target) ;;
    *.service | *.socket | *.timer | *.path | *.mount | *.slice | *.swap | *.device) mended=yes ;;
    *) led=default.target ;;
esac
[ -z "$mended" ] || led=default.target
# From a shell it was led on, asked, and told: whoever starts a service there by hand gets none either.
[ ! -e FENCED ] || mended=''
# What is wanted by these targets is wanted by whatever is in their place: masked, for this boot.
for target in default.target "$led"; do
    for wanted in $(for place in $found; do
        for how in wants requires upholds d; do echo "$place/$target.$how/*"; done
    done); do
        [ -e "$wanted" ] || [ -L "$wanted" ] || continue
        place=${wanted%/*}
        mkdir -p "$2/${place##*/}"
        ln -sf /dev/null "$2/${place##*/}/${wanted##*/}"
    done
    ln -sf UNITSTARGET "$2/$target"
done
[ "$led" = default.target ] || echo "$led" >"$2/secondsite-leads-to"
# What a boot needs before services, and what a person needs who looks; and firewalls, which stand before the network.
free='NEEDED' networks='systemd-networkd.service NetworkManager.service networking.service connman.service'
networks="$networks dhcpcd.service wicked.service wg-quick@*.service"
for place in $found; do
    for unit in $(grep -lisE '^DefaultDependencies *= *(n|no|f|false|off|0) *$' "$place"/*.service "$place"/*.service.d/*.conf); do
        case $unit in *.conf) unit=${unit%.d/*} ;; esac
        free="$free ${unit##*/}"
    done
    for unit in $(grep -ls 'network-pre\.target' "$place"/*.service "$place"/*.service.d/*.conf); do
        sed -e ':a' -e '/\\$/N; s/\\\n/ /; ta' "$unit" | grep -qi '^Before *=.*network-pre\.target' || continue
        case $unit in *.conf) unit=${unit%.d/*} ;; esac
        free="$free ${unit##*/}" unit=${unit##*/}
        case $unit in *@.service) unit=${unit%.service}*.service ;; esac
        networks="$networks $unit"
    done
done
# Not every network waits to be asked for.
mkdir -p "$2/SERVICE.wants"
for network in $networks; do
    for wanted in /etc/systemd/system/*.wants/$network; do
        [ -e "$wanted" ] && ln -sf "$wanted" "$2/SERVICE.wants/${wanted##*/}"
    done
done
set -f
for unit in $free service user@.service systemd-nspawn@.service; do dropins="$dropins $2/$unit.d"; done
[ -n "$mended" ] && dropins=$2/user@.service.d
mkdir -p $dropins
[ -n "$mended" ] || for unit in $free; do : >"$2/$unit.d/zz-secondsite.conf"; done
# Nor have users services of their own, who would get some as soon as they, or nobody, log in.
for unit in service user@.service systemd-nspawn@.service; do
    [ ! -d "$2/$unit.d" ] || printf '[Unit]\nConditionPathExists=NOTE\n' >"$2/$unit.d/zz-secondsite.conf"
done
`

// openText lets a boot work. A target that was reached wants nobody once more, so who was left out is started by name; the
// services of users are started by logind.
const openText = `#!/bin/sh
# Written by 'secondsite-agent install --fence'.
set -fu
mkdir -p FOLDER && : >NOTE || exit 1
led=$(cat /run/systemd/generator.early/secondsite-leads-to 2>/dev/null)
left_out=$(systemctl show --all --property=Id,ConditionResult,ConditionTimestampMonotonic '*.service' | awk '
    BEGIN { RS = ""; FS = "\n" }
    /ConditionResult=no/ && !/ConditionTimestampMonotonic=0/ {
        for (at = 1; at <= NF; at++) if (sub(/^Id=/, "", $at) && $at !~ /^user@/) print $at
    }')
if systemctl daemon-reload; then
    systemctl --no-block start "${led:-default.target}" || exit 1
else
    # With less than 16 MiB free in /run systemd refuses it, and the targets lead here still: so all are started by name.
    set +f
    by_name=$(for link in /run/systemd/generator.early/*.wants/* /run/systemd/generator.early/*.requires/* \
        /run/systemd/generator.early/*.upholds/*; do [ ! -L "$link" ] || echo "${link##*/}"; done)
    for link in /usr/lib/systemd/system/default.target /etc/systemd/system/default.target; do
        [ ! -e "$link" ] || real=$(readlink -f "$link")
    done
    led=${real##*/}
    # One that is a file of its own has the name that leads here.
    [ "$led" != default.target ] || led=$(sed -nE 's/^ *(Wants|Requires|BindsTo|Upholds) *= *//p' "$real")
    set -f
    systemctl --no-block start ${led:-multi-user.target} || exit 1
    systemctl --no-block start basic.target $by_name || true
fi
[ -z "$left_out" ] || systemctl --no-block start $left_out || true
: >WHOLE
rm -f FENCED ISSUE MOTD
`

// otherwise is what happens if the program fails: the boot is opened without it, or it is started again, and the closed
// target is there if it cannot be. One that knows that the machine was failed over opens nothing, whatever else fails.
var otherwise = map[string]struct{ unit, service string }{
	"start": {"", `TimeoutStopSec=600
ExecStopPost=/bin/sh -c 'ENDED || [ -e WHOLE ] && exit 0; [ -e NOTE ] && exec OPENS; ` +
		`[ "$$EXIT_STATUS" = KNOWS ] || [ -e FENCED ] && exec REACHES; ` +
		`case $$(JOBS) in *" stop "*) TELL ;; *" restart "*) ;; *) exec OPENS ;; esac'`},
	"stay": {"OnFailure=" + fencing.ClosedTarget + "\n", "Restart=on-failure\nRestartSec=5\nRestartPreventExitStatus=KNOWS\nTimeoutStopSec=600\n" +
		`ExecStopPost=/bin/sh -c 'ENDED || [ -e WHOLE ] && exit 0; [ -e NOTE ] && exec OPENS; [ -e FENCED ] || TELL; exit 1'`},
}

// tell has people at the machine, and by a note the appliance, know that nobody asks; unless it was opened meanwhile.
const tell = `for told in ISSUE MOTD FENCED; do mkdir -p "$${told%%/*}"; echo "UNASKED" >"$$told"; done; ` +
	`[ ! -e NOTE ] || rm -f ISSUE MOTD FENCED`

// ended is that the program did what it should: for systemd a SIGTERM from anybody is as good.
const ended = `[ "$$EXIT_CODE $$EXIT_STATUS" = "exited 0" ]`

// jobs tell whether a person, or the end of the boot, stops it: a job wants that.
const jobs = `systemctl list-jobs --no-legend ` + fencing.ServiceUnit

// unasked is what they are told.
const unasked = fencing.Unasked + ` that asks whether it runs elsewhere failed, or was stopped (journalctl -u ` +
	fencing.ServiceUnit + `). To let it work, as root: secondsite-agent unfence`

// The targets stand on sysinit.target alone: basic.target would start the timers and sockets of the machine.
const targetText = `# Written by 'secondsite-agent install --fence'.
[Unit]
Description=secondsite asks whether this machine runs elsewhere
Requires=sysinit.target
After=sysinit.target
Wants=SERVICE
AllowIsolate=yes
`

const serviceText = `# Written by 'secondsite-agent install --fence'.
[Unit]
Description=secondsite asks whether this machine runs elsewhere
Wants=network-online.target
After=network.target local-fs.target
StartLimitIntervalSec=600
StartLimitBurst=10
ConditionPathExists=!WHOLE
FAILED
[Service]
Type=exec
OTHERWISE
ExecStart=PROGRAM fence --unanswered CHOICE
StandardOutput=journal+console
StandardError=journal+console
`

const closedText = `# Written by 'secondsite-agent install --fence'.
[Unit]
Description=secondsite keeps this machine from working, since it runs elsewhere
Requires=sysinit.target
After=sysinit.target
Wants=REACHED
AllowIsolate=yes
`

// InstallFence has each boot of this hardware ask first; `unanswered` is start or stay.
func (h Host) InstallFence(unanswered, hardware string) error {
	text, err := os.ReadFile(hardware)
	own := strings.TrimSpace(string(text))
	if err != nil || own == "" || strings.ContainsAny(own, "\"$`\\\n") {
		return fmt.Errorf("this machine's hardware has no UUID in %s, by which it is told from its copy at the other "+
			"site: it cannot have a fence", hardware)
	}
	return h.writeFence(unanswered, hardware, own)
}

// writeFence has boots ask on the hardware that has this UUID in that file.
func (h Host) writeFence(unanswered, hardware, own string) error {
	chosen := otherwise[unanswered]
	service := strings.NewReplacer("TELL", tell, "REACHES", "systemctl --no-block start "+fencing.ClosedTarget).Replace(chosen.service)
	otherwise := strings.NewReplacer("ENDED", ended, "JOBS", jobs, "KNOWS", fmt.Sprint(fencing.Knows), "FENCED", fencing.ClosedNote,
		"NOTE", fencing.OpenNote, "WHOLE", fencing.OpenedNote,
		"OPENS", fencing.OpenProgram, "ISSUE", fencing.Issue, "MOTD", fencing.Motd, "UNASKED", unasked).Replace(service)
	words := strings.NewReplacer(
		"FENCED", fencing.ClosedNote, "ISSUE", fencing.Issue, "MOTD", fencing.Motd,
		"NOTE", fencing.OpenNote, "WHOLE", fencing.OpenedNote, "FILE", hardware, "HARDWARE", own, "UNITS", units,
		"TARGET", fencing.Target, "SERVICE", fencing.ServiceUnit, "PROGRAM", program, "CHOICE", unanswered,
		"FAILED", chosen.unit, "OTHERWISE", otherwise,
		"FOLDER", filepath.Dir(fencing.OpenNote), "REACHED", strings.Join(fencing.Reached, " "), "NEEDED", needed(),
	)
	for path, text := range map[string]string{
		units + fencing.Target: targetText, units + fencing.ServiceUnit: serviceText, units + fencing.ClosedTarget: closedText,
	} {
		if err := written(h.path(path), bytes.NewReader([]byte(words.Replace(text))), 0o644); err != nil {
			return err
		}
	}
	if err := written(h.path(fencing.OpenProgram), bytes.NewReader([]byte(words.Replace(openText))), 0o755); err != nil {
		return err
	}
	if err := fencing.Fence(h).Spare(); err != nil {
		return err
	}
	// Last: from then on a boot goes there.
	return written(h.path(generator), bytes.NewReader([]byte(words.Replace(generatorText))), 0o755)
}

// HasFence tells whether the next boot asks.
func (h Host) HasFence() bool { return exists(h.path(generator)) }

var (
	chosen = regexp.MustCompile(`--unanswered (start|stay)\n`)
	asksOf = regexp.MustCompile(`"\$\(cat (\S+) 2>/dev/null\)" = "([^"]+)"`)
)

// renewFence writes a fence that is there as this program does, for the hardware that it was made for: a copy at the other
// site has the same disks, and may be upgraded too.
func (h Host) renewFence() error {
	service, first := os.ReadFile(h.path(units + fencing.ServiceUnit))
	written, second := os.ReadFile(h.path(generator))
	unanswered, hardware := chosen.FindSubmatch(service), asksOf.FindSubmatch(written)
	if first != nil || second != nil || unanswered == nil || hardware == nil {
		return nil
	}
	return h.writeFence(string(unanswered[1]), string(hardware[1]), string(hardware[2]))
}

func (h Host) requireOpen() error {
	if fencing.Fence(h).IsClosed() {
		return fmt.Errorf("this boot is kept from working by its fence, which is not taken away from it. If the machine is to " +
			"work: 'secondsite-agent unfence', then again. If not: start it with the kernel's words 'secondsite.fence=off " +
			"systemd.unit=rescue.target', then again there")
	}
	return nil
}

// needed are the units that a fenced boot may start; `systemd-.service` stands for all whose names begin so.
func needed() string {
	var units []string
	for _, each := range services.Needed {
		units = append(units, strings.TrimSuffix(each, "*")+".service")
	}
	return strings.Join(units, " ")
}

// RemoveFence lets the machine boot as ever; harmless if it does. Not on a boot that it holds: whatever somebody started
// there worked, and nobody was told.
func (h Host) RemoveFence() error {
	if err := h.requireOpen(); err != nil {
		return err
	}
	files := []string{generator, units + fencing.Target, units + fencing.ServiceUnit, units + fencing.ClosedTarget, fencing.OpenProgram}
	for _, path := range files {
		if err := os.Remove(h.path(path)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
