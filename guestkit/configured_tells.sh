#!/bin/sh
# The one service of a whole Debian: it says that it is up, and writes a record now and then.
exec > /dev/ttyS0 2>&1
file=/var/lib/records
last=$(wc -l < "$file" 2> /dev/null || echo 0)
echo
echo "BOOT $(hostname)"
echo "LAST $last ok"
echo READY
while last=$((last + 1)); do
    echo "$last" >> "$file"
    sync "$file"
    echo "RECORD $last"
    sleep 1
done
