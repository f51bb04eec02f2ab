#!/bin/sh
# The guest agent calls this with `freeze` before the file systems stand still, and with `thaw` when they go on: what an
# application's hook would do, on each disk's `hooks` file and on the console. A file /run/hook-hangs holds the seconds
# for which `freeze` is to hang.
export PATH=/bin:/sbin
[ "$1" = freeze ] && [ -e /run/hook-hangs ] && sleep "$(cat /run/hook-hangs)"
for disk in /data/*; do
    echo "$1 $(cat /run/last)" >> "$disk/hooks" && sync -d "$disk/hooks"
done
echo "HOOK $1" > /dev/console
