#!/bin/sh
# A database that gets a row five times a second. The console is told what it held at the start, and each row that was
# committed: whoever reads that knows what may not be missing.
exec >/dev/ttyS0 2>&1
cd /
until su postgres -c "psql -qAtc 'select 1'" >/dev/null 2>&1; do sleep 1; done
su postgres -c "psql -qAtc 'create table if not exists rows (id serial primary key, at timestamptz default now())'"
echo "HELD $(su postgres -c "psql -qAtF' ' -c 'select count(*), coalesce(max(id), 0) from rows'")"
while :; do
    echo 'insert into rows default values returning id;'
    sleep 0.2
done | su postgres -c 'psql -qAt' | while read -r row; do echo "ROW $row"; done
