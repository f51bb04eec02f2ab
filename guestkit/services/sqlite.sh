# Read by the init. SQLite commits rows on the first disk, with the log that it writes ahead flushed at each commit; a row's
# number is said when its commit has returned.

begin_service() {
    rows=${disks# }; rows=/data/${rows%% *}/rows.db
    sqlite3 -bail "$rows" < /service/schema.sql > /dev/null || say "BAD rows: no database"
    found=$(sqlite3 "$rows" < /service/check.sql 2>&1)
    say "$found"
    [ "$found" != "${found#ROWS}" ] || return
    mkfifo /run/sql /run/row
    exec 5<> /run/sql 6<> /run/row
    { sqlite3 -batch -bail "$rows" <&5 > /dev/null || say "BAD rows: the database has ended"; } & engine=$!
    # moved from the log into the file all the time, so that both are written
    echo "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 64;" >&5
    commit_rows & committer=$!
}

commit_rows() {
    commit=$(cat /service/commit.sql)
    while [ ! -e /run/stop ]; do
        echo "$commit" >&5
        read -r -t 120 row <&6 || { say "FAILED row after ${row:-none}"; break; }
        say "ROW $row"
        read -r -t "$pause_seconds" _ <&3
    done
}

end_service() {
    [ -n "$engine" ] || return 0
    wait "$committer"
    echo .quit >&5
    wait "$engine"
}
