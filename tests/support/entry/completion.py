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

ZSH = r"""
zmodload zsh/zpty
export ZDOTDIR=$(mktemp -d) OFFERED=$(mktemp)
cat > $ZDOTDIR/.zshrc <<END
fpath=($1 \$fpath)
autoload -Uz compinit && compinit -u -d \$ZDOTDIR/dump
bindkey '^I' complete-word
compadd() {
    if [[ " \$* " != *" "-[OAD]" "* ]]; then
        local -a found
        builtin compadd -O found "\$@"
        print -rl -- \$found >> \$OFFERED
    fi
    builtin compadd "\$@"
}
ended() { : > \$OFFERED.end; comppostfuncs+=(ended) }
comppostfuncs+=(ended)
: > \$OFFERED.ready
END
zpty typed zsh -i
wait_for() {
    repeat 600; do
        [[ ! -e $1 ]] || return 0
        zpty -r -t typed > /dev/null 2>&1
        sleep 0.1
    done
    exit 1
}
wait_for $OFFERED.ready
zpty -w -n typed "$2"$'\t'
wait_for $OFFERED.end
cat $OFFERED
"""
"""It completes only at a terminal: it has one of its own there, and writes down what it is about to offer."""


def bash(script, line):
    return ["/bin/bash", "-c", BASH, "bash", script, *line.split()]


def fish(script, line):
    return ["fish", "--no-config", "-c", FISH, script, line]


def zsh(folder, line):
    return ["zsh", "-f", "-c", ZSH, "zsh", folder, line]
