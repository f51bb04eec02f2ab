"""What each shell is asked to complete, and what it has to offer, by the files that are installed for it."""

TYPED = {
    "secondsite pol": {"policy"},
    "secondsite machine fail": {"failover"},
    "secondsite --ca /nowhere machine fail": {"failover"},
    "secondsite appliance agents up": {"upgrade"},
    "secondsite policy create gold --r": {"--rpo-threshold", "--retention", "--rto-goal"},
    "secondsite job list --state ca": {"cancelled", "cancelling"},
}
"""The last word is what the cursor stands behind."""
BASH = """source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_secondsite
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = """source "$argv[1]"; complete -C "$argv[2]" | string replace -r '\\t.*' ''"""


def bash(script, line):
    return ["/bin/bash", "-c", BASH, "bash", script, *line.split()]


def fish(script, line):
    return ["fish", "--no-config", "-c", FISH, script, line]
