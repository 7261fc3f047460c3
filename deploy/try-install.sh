#!/bin/sh
# Tries the two commands on fresh machines: bootstraps each Debian into a folder of its own, clones the commit there, runs
# `make run` twice and `make test` once, says how long each took, and removes all of it. As root; needs debootstrap, git
# and 3 GB. What `make test` runs there can be chosen: the whole suite takes as long as everywhere.
#
#   deploy/try-install.sh                              bookworm and trixie, with the unit tests
#   deploy/try-install.sh trixie -- tests/integration  another choice, as pytest's arguments
#
# CACHE=DIR keeps the bare systems in DIR for the next time; KEEP=1 leaves the folder of one that failed.
# Proxies, certificates and pip's settings of the environment are taken along.
set -eu

cd "$(dirname "$0")/.."
say() { printf '%s\n' "try-install: $*"; }
fail() { say "$*" >&2; exit 1; }

suites=
while [ "$#" -gt 0 ]; do
    case $1 in
        --) shift; break ;;
        *) suites="$suites $1"; shift ;;
    esac
done
suites=${suites:-bookworm trixie}
tests=${*:-tests/unit}

[ "$(id -u)" -eq 0 ] || fail "run this as root: debootstrap and chroot need it"
for program in debootstrap git; do
    command -v "$program" >/dev/null || fail "$program is missing: apt-get install $program"
done
checkout=$PWD
commit=$(git rev-parse HEAD)
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/sinpluma-try-XXXXXX")
root=

# Processes of the system under trial: those whose root it is.
processes() {
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/root" 2>/dev/null)" != "$root" ] || printf '%s\n' "${process#/proc/}"
    done
}

# All that runs there is ended before it is removed, and all that is mounted there unmounted.
leave() {
    [ -n "$root" ] || return 0
    for process in $(processes); do
        kill -9 "$process" 2>/dev/null || true
    done
    for folder in proc dev/shm; do
        ! mountpoint -q "$root/$folder" || umount "$root/$folder" || umount -l "$root/$folder"
    done
    root=
}
end() {
    status=$?
    trap - EXIT INT TERM
    kept=$root
    leave
    if [ "$status" -ne 0 ] && [ "${KEEP:-}" = 1 ] && [ -n "$kept" ]; then
        say "kept: $kept"
    else
        rm -rf --one-file-system "$scratch"
    fi
    exit "$status"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

seconds() { date +%s; }

bootstrap() {
    kept=${CACHE:+$CACHE/$suite.tar}
    if [ -n "$kept" ] && [ -e "$kept" ]; then
        tar -xf "$kept" -C "$root"
        return
    fi
    # What the README asks for: make, and git for the clone.
    debootstrap --variant=minbase --include=make,git,ca-certificates "$suite" "$root" >"$scratch/log" 2>&1 ||
        { tail -n 20 "$scratch/log"; fail "$suite cannot be bootstrapped"; }
    [ -z "$kept" ] || tar -cf "$kept" -C "$root" .
}

# The network as this machine reaches it, and an empty home.
furnish() {
    mount -t proc proc "$root/proc"
    mkdir -p "$root/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    git clone -q --no-hardlinks "$checkout" "$root/root/sinpluma"
    git -C "$root/root/sinpluma" checkout -q "$commit"
}

# Its ports are its own, so that a service may run on this machine meanwhile.
inside() {
    env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        SINPLUMA_PORT="${SINPLUMA_PORT:-15000}" SINPLUMA_SUPERVISOR_PORT="${SINPLUMA_SUPERVISOR_PORT:-19001}" \
        ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
        ${no_proxy:+"no_proxy=$no_proxy"} ${PIP_INDEX_URL:+"PIP_INDEX_URL=$PIP_INDEX_URL"} \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
        chroot "$root" sh -c "cd /root/sinpluma && exec $*"
}

# Until it says that it is ready, then Ctrl-C.
run_until_ready() {
    begun=$(seconds)
    inside make run >"$scratch/out" 2>&1 &
    started=$!
    while ! grep -qs '^sinpluma: ready' "$scratch/out"; do
        kill -0 "$started" 2>/dev/null || { cat "$scratch/out"; fail "$suite: make run ended before it was ready"; }
        sleep 0.2
    done
    took=$(($(seconds) - begun))
    ! grep "the desk.*failed\|without the desk" "$scratch/out" || fail "$suite: the desk was not built"
    for process in $(processes); do
        case $({ tr '\0' ' ' <"/proc/$process/cmdline"; } 2>/dev/null) in
            *"python run.py up "*) kill -INT "$process" ;;
        esac
    done
    wait "$started" || true
    [ -z "$(processes)" ] || fail "$suite: make run left processes behind: $(ps -o args= -p $(processes | paste -sd,))"
}

for suite in $suites; do
    root=$scratch/$suite
    mkdir "$root"
    say "$suite: bootstrapping"
    bootstrap
    furnish
    run_until_ready
    say "$suite: make run ready after $took s"
    lines=$(grep -c '' "$scratch/out")
    run_until_ready
    say "$suite: again after $took s ($lines lines on the terminal the first time)"
    begun=$(seconds)
    inside make test "ARGS='-q $tests'" >"$scratch/out" 2>&1 || { tail -n 60 "$scratch/out"; fail "$suite: make test failed"; }
    say "$suite: make test ($tests) took $(($(seconds) - begun)) s: $(tail -n 1 "$scratch/out")"
    leave
    rm -rf --one-file-system "${scratch:?}/$suite"
done
