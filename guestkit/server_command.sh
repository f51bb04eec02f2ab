#!/bin/sh
# Runs what is said at the second serial port, line by line, and says how each ended.
while read -r line; do
    timeout 300 sh -c "$line" </dev/null 2>&1
    echo "END $?"
done
