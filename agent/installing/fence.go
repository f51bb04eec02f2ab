package installing

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"secondsite/agent/fencing"
)

const (
	units     = "/etc/systemd/system/"
	generator = "/etc/systemd/system-generators/secondsite-fence"
	// Hardware tells this machine from its copy at the other site, which boots the same disks.
	Hardware = "/sys/class/dmi/id/product_uuid"
)

// generatorText is asked by systemd before any unit of a boot. Only on the hardware that it was made for it leads the
// boot to the fence: a copy at the other site, or a drill, boots as ever.
const generatorText = `#!/bin/sh
# Written by 'secondsite-agent install --fence', and removed by 'install --fence=no' or 'remove'. For one boot without:
# the kernel's word secondsite.fence=off.
[ -e NOTE ] && exit 0
[ "$(cat FILE 2>/dev/null)" = "HARDWARE" ] || exit 0
case " $(cat /proc/cmdline) " in *" secondsite.fence=off "*) exit 0 ;; esac
# What is wanted by default.target is wanted by whatever is in its place: masked, for this boot.
for found in /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
    for wanted in "$found"/default.target.wants/* "$found"/default.target.requires/* "$found"/default.target.d/*; do
        [ -e "$wanted" ] || [ -L "$wanted" ] || continue
        place=${wanted%/*}
        mkdir -p "$2/${place##*/}"
        ln -sf /dev/null "$2/${place##*/}/${wanted##*/}"
    done
done
# Nor have users services of their own, who would get some as soon as they, or nobody, log in.
mkdir -p "$2/user@.service.d"
printf '[Unit]\nConditionPathExists=NOTE\n' >"$2/user@.service.d/50-secondsite.conf"
# Not every network waits to be asked for.
mkdir -p "$2/SERVICE.wants"
for network in systemd-networkd NetworkManager networking connman dhcpcd wicked; do
    for wanted in /etc/systemd/system/*.wants/$network.service; do
        [ -e "$wanted" ] && ln -sf "$wanted" "$2/SERVICE.wants/$network.service"
    done
done
ln -sf UNITSTARGET "$2/default.target"
`

// otherwise is what happens if the program fails: the boot is opened without it, or it is started again, and the closed
// target is there if it cannot be.
var otherwise = map[string]struct{ unit, service string }{
	"start": {"", `ExecStopPost=/bin/sh -c '[ "$$SERVICE_RESULT" = success ] || { mkdir -p ` + filepath.Dir(fencing.OpenNote) +
		`; : >` + fencing.OpenNote + `; systemctl daemon-reload; systemctl --no-block start default.target; }'`},
	"stay": {"OnFailure=" + fencing.ClosedTarget + "\n", "Restart=on-failure\nRestartSec=5"},
}

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
Wants=network-online.target getty.target systemd-logind.service systemd-user-sessions.service
Wants=ssh.service sshd.service secondsite-agent.service
AllowIsolate=yes
`

// InstallFence has each boot of this hardware ask first; `unanswered` is start or stay.
func (h Host) InstallFence(unanswered, hardware string) error {
	own, err := os.ReadFile(hardware)
	if text := strings.TrimSpace(string(own)); err != nil || text == "" || strings.ContainsAny(text, "\"$`\\\n") {
		return fmt.Errorf("this machine's hardware has no UUID in %s, by which it is told from its copy at the other "+
			"site: it cannot have a fence", hardware)
	}
	chosen := otherwise[unanswered]
	words := strings.NewReplacer(
		"NOTE", fencing.OpenNote, "FILE", hardware, "HARDWARE", strings.TrimSpace(string(own)), "UNITS", units,
		"TARGET", fencing.Target, "SERVICE", fencing.ServiceUnit, "PROGRAM", program, "CHOICE", unanswered,
		"FAILED", chosen.unit, "OTHERWISE", chosen.service,
	)
	for path, text := range map[string]string{
		units + fencing.Target: targetText, units + fencing.ServiceUnit: serviceText, units + fencing.ClosedTarget: closedText,
	} {
		if err := written(h.path(path), bytes.NewReader([]byte(words.Replace(text))), 0o644); err != nil {
			return err
		}
	}
	// Last: from then on a boot goes there.
	return written(h.path(generator), bytes.NewReader([]byte(words.Replace(generatorText))), 0o755)
}

// RemoveFence lets the machine boot as ever; harmless if it does.
func (h Host) RemoveFence() error {
	for _, path := range []string{
		generator, units + fencing.Target, units + fencing.ServiceUnit, units + fencing.ClosedTarget,
	} {
		if err := os.Remove(h.path(path)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
