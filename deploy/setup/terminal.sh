# What the set-up shows: one line a step. All that a step's command prints goes to SINPLUMA_VAR/log/setup.log, and its
# end to the terminal when it fails, with what to do. Sourced by deploy/setup.sh.

say() { printf '%s\n' "sinpluma: $*"; }

# Whether a setting is given, in the environment or in .env; prints its value.
given() {
    eval "value=\${$1:-}"
    [ -n "$value" ] || value=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" .env 2>/dev/null | tail -n 1)
    value=$(printf '%s' "$value" | sed "s/^\([\"']\)\(.*\)\1[[:space:]]*\$/\2/; s/[[:space:]]*\$//")
    [ -n "$value" ] && printf '%s' "$value"
}

var=$(given SINPLUMA_VAR) || var=var
case $var in "~/"*) var=$HOME/${var#"~/"} ;; esac
log=$var/log/setup.log
logs=no

open_log() {
    [ "$logs" = no ] || return 0
    # As the rest of SINPLUMA_VAR: nobody else's to read.
    if ! (umask 077 && mkdir -p "$var/log" && printf '%s\n' "$(date)" >"$log") 2>/dev/null; then
        say "cannot write $log: no room on the disk (df -h .), or not yours to write (SINPLUMA_VAR)" >&2
        exit 1
    fi
    logs=yes
}

# step LABEL TOTAL COMMAND…: COMMAND with one line on the terminal, ending the set-up when it fails. TOTAL is how many
# lines of COMMAND's output say that a part is done (see _is_progress), 0 when it cannot be told.
step() { attempt "$@" || exit 1; }

# The same, and who calls it decides what a failure ends.
attempt() {
    label=$1 total=$2
    shift 2
    open_log
    printf '%s\n' "--- $label" >>"$log"
    begun=$(date +%s)
    _begin_line
    exec 4>&1
    # The status first, then the last lines of the output: they are told even when the log's disk is full.
    told=$({ { "$@" 2>&1 </dev/null && echo 0 >&3 || echo "$?" >&3; } | _without_passwords | _watch >&4; } 3>&1)
    exec 4>&-
    case $told in
        0 | "0
"*)
            ! _on_terminal || printf '\r\033[Ksinpluma: %s' "$label"
            printf ' done in %s s\n' "$(($(date +%s) - begun))"
            ;;
        *)
            printf '\n'
            _explain "$(printf '%s\n' "$told" | sed 1d)" >&2
            return 1
            ;;
    esac
}

_on_terminal() { [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; }

# On a terminal the line is drawn anew again and again; elsewhere it grows.
_begin_line() {
    printf 'sinpluma: %s ' "$label"
    _on_terminal || [ "$total" -gt 0 ] || printf '...'
}

# User and password of an index or a proxy.
_without_passwords() { sed -u 's#://[^/[:space:]]*@#://…@#g'; }

# Reads the output, keeps it in the log, and draws.
_watch() {
    count=0 drawn=0
    set --
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log" 2>/dev/null || true
        set -- "$@" "$line"
        [ "$#" -le 25 ] || shift
        _is_progress || continue
        count=$((count + 1))
        [ "$total" -gt 0 ] && [ "$count" -le "$total" ] || continue
        if [ -t 4 ] && [ "${TERM:-dumb}" != dumb ]; then
            _bar
        else
            while [ "$drawn" -lt "$((count * 10 / total))" ]; do
                printf '.'
                drawn=$((drawn + 1))
            done
        fi
    done
    [ "$#" -eq 0 ] || printf '%s\n' "$@" >&3
}

_is_progress() {
    case $line in
        # pip: a package is at hand.
        'Collecting '* | 'Processing '* | 'Requirement already satisfied: '*) return 0 ;;
        # npm: a file is at hand.
        'npm http fetch GET 200 '*) return 0 ;;
        # apt: a package is fetched, unpacked, set up; before that it says how many there will be.
        'Get:'* | 'Unpacking '* | 'Setting up '*) return 0 ;;
        *' newly installed, '*)
            new=${line#*upgraded, }
            total=$((${new%% *} * 3)) count=0
            ;;
    esac
    return 1
}

_bar() {
    filled=$((count * 20 / total))
    printf '\r\033[Ksinpluma: %s [%.*s%.*s] %s %%' "$label" "$filled" '####################' \
        "$((20 - filled))" '--------------------' "$((count * 100 / total))"
}

# The end of what a step said, then one line of what to do; the reason may stand above a long traceback.
_explain() {
    printf '%s\n' "$1" | tail -n 12 | cut -c 1-300 | sed 's/^/    /'
    say "$label: failed. $(_remedy "$1")"
    say "All of the output is in $log. The next try goes on from here."
}

_remedy() {
    case $1 in
        *"No space left on device"* | *ENOSPC* | *"not enough free space"* | *"don't have enough free space"*)
            printf 'The disk is full: make room, 2 GB is plenty, and try again (df -h . /tmp tells).' ;;
        *"Temporary failure"* | *"Could not resolve"* | *"Could not connect"* | *"Network is unreachable"* | \
            *NewConnectionError* | *"Connection refused"* | *"Failed to establish"* | *"timed out"* | *ProxyError* | \
            *EAI_AGAIN* | *ENOTFOUND* | *ECONNREFUSED* | *ECONNRESET* | *ENETUNREACH* | *ETIMEDOUT* | \
            *"(from versions: none)"* | *"Unable to locate package"* | *"Failed to fetch"*)
            printf 'The network, or the registry, cannot be reached: look at the connection, and at http_proxy and https_proxy if it needs them, and try again.' ;;
        *"DO NOT MATCH THE HASHES"* | *"Hash mismatch"* | *"Hash Sum mismatch"* | *EINTEGRITY*)
            printf 'What came is not what the lock names: a damaged download (pip cache purge, npm cache clean --force) or another file. Try again.' ;;
        *"Could not get lock"* | *"Unable to acquire the dpkg"*)
            printf 'Another program is installing Debian packages: wait for it, and try again.' ;;
        *"make requirements"*) printf 'Run make requirements, and commit what it writes.' ;;
        *) printf 'The lines above say why.' ;;
    esac
}

_interrupted() {
    trap - INT TERM HUP
    printf '\n'
    say "interrupted. The next try goes on from here." >&2
    exit "$1"
}
trap '_interrupted 130' INT
trap '_interrupted 143' TERM HUP
