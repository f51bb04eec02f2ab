#!/bin/sh
# One connection: "order" has the database append, and is answered with the number.
export PATH=/bin:/sbin
read -r -t 5 asked
[ "$asked" = order ] || { echo "refused: only order is known"; exit; }
peer=$(cat /run/peer)
number=$(echo append | timeout 10 nc -w 3 "$peer" 5432 2> /dev/null)
case $number in
    [0-9]*) echo "ORDERED $number of $peer" > /dev/console; echo "$number" ;;
    *) echo "UNORDERED ${number:-no answer from $peer}" > /dev/console; echo "failed: no record from the database $peer" ;;
esac
