# Read by the init. guest.tier names what is served, guest.peer whom it asks, by address or name; guest.hosts=NAME:ADDRESS,... says
# which name has which address, where no DNS does.

learn_names() {
    echo 127.0.0.1 localhost > /etc/hosts
    for known in $(echo "$arg_hosts" | tr , ' '); do
        echo "${known#*:} ${known%%:*}" >> /etc/hosts
    done
}

# What the tier asks and says goes through /run, since it runs in programs of its own.
start_tier() {
    [ -n "$arg_tier" ] || return 0
    learn_names
    echo "$arg_peer" > /run/peer
    case $arg_tier in
        database) mkfifo /run/requests; nc -ll -p 5432 -e /tiers/database & port=5432 ;;
        application) nc -ll -p 8000 -e /tiers/application & port=8000 ;;
        web) httpd -h /tiers/www -p 80; port=80 ;;
        *) say "BAD tier $arg_tier"; return ;;
    esac
    say "SERVES $arg_tier on port $port"
}

# The database's writer: a record for each request, one after the other, and its number once every disk has it.
run_database() {
    number=$last
    exec 4<> /run/requests
    while [ ! -e /run/stop ]; do
        read -r -t 1 reply <&4 || continue
        write_record $((number + 1)) || { say "FAILED $((number + 1))"; break; }
        number=$((number + 1))
        echo "$number" > /run/last
        [ $((number % say_every)) -eq 0 ] && say "RECORD $number"
        # opened for both ways: who asked may be gone, and nobody waits for it
        echo "$number" 1<> "$reply"
    done
}
