#!/bin/sh
# One request: an order of the application, and a page with its number.
export PATH=/bin:/sbin
peer=$(cat /run/peer)
number=$(echo order | timeout 15 nc -w 3 "$peer" 8000 2> /dev/null)
case $number in
    [0-9]*)
        echo "PAGE record $number" > /dev/console
        printf 'Content-Type: text/plain\r\n\r\nrecord %s\n' "$number" ;;
    *)
        echo "NO PAGE ${number:-no answer from $peer}" > /dev/console
        printf 'Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\n%s\n' "${number:-no answer from the application $peer}" ;;
esac
