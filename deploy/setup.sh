#!/bin/sh
# Brings a machine to where `run.py` or pytest can start: system packages, .venv, pinned
# Python packages. Plain sh without a helper, because a bare Debian has no Python yet.
#
#   deploy/setup.sh run     what `make run` needs (an embedded server only where no URL is set)
#   deploy/setup.sh test    the same with all servers and the development packages
#   deploy/setup.sh check   only Python and the development packages
#
# As root with apt-get, what is missing is installed. Otherwise it is named, all at once.
set -eu

mode=${1:-run}
cd "$(dirname "$0")/.."
# Debian keeps servers in sbin, which is not on everyone's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '%s\n' "sinpluma: $*"; }

# Two `make` at once in one checkout would build one .venv twice over. This very file
# is the lock: it needs no other file, and the kernel lets go when we end.
if command -v flock >/dev/null; then
    exec 9<deploy/setup.sh
    flock 9
fi

# Whether the operator brings a server of their own, in the environment or in .env.
given() {
    eval "value=\${$1:-}"
    [ -n "$value" ] || grep -Eqs "^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*[^[:space:]]" .env
}

needs() {
    case $mode in
        check) return 1 ;;
        test) return 0 ;;
        *) ! given "$1" ;;
    esac
}

# A Python that can make a virtual environment; Debian ships venv apart from python3.
find_python() {
    for candidate in python3.11 python3 python3.12 python3.13 python3.14; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
}

has_libmagic() {
    "$(find_python)" -c 'import ctypes; ctypes.CDLL("libmagic.so.1")' 2>/dev/null
}

# Prints the Debian packages of what is not there.
missing_packages() {
    [ -n "$(find_python)" ] || printf ' python3 python3-venv'
    [ "$mode" = check ] || has_libmagic || printf ' libmagic1'
    if needs DATABASE_URL && ! { command -v mariadbd && command -v mariadb-install-db || command -v mysqld; } >/dev/null; then
        # The server without Debian's service around it. Its set-up script wants
        # my_print_defaults, which is in the client package.
        printf ' mariadb-server-core mariadb-client-core'
    fi
    if needs REDIS_URL && ! command -v redis-server >/dev/null; then
        printf ' redis-server'
    fi
    # The tour of the README, which a test pastes into a shell.
    if [ "$mode" = test ] && ! command -v curl >/dev/null; then
        printf ' curl'
    fi
}

# Debian starts a service as soon as it is installed. Ours are private, so the package's
# own must stay down: policy-rc.d forbids it while we install, and only while we install.
forbid_services() {
    policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || return 0
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

install_packages() {
    say "installing from Debian:$*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # Word splitting wanted: one package a word.
    # shellcheck disable=SC2048,SC2086
    apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 $*
}

system_packages() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        say "these packages are missing:$missing" >&2
        say "install them and try again:  sudo apt-get install --no-install-recommends$missing" >&2
        say "(DATABASE_URL, REDIS_URL or S3_ENDPOINT, when set, replace the server of that kind; see .env.example)" >&2
        exit 1
    fi
    (
        forbid_services
        install_packages "$missing"
    )
    missing=$(missing_packages)
    [ -z "$missing" ] || { say "still missing after the installation:$missing" >&2; exit 1; }
}

# .venv/.installed holds the checksums of what was installed; the development packages
# include those of the run, so either list will do for a run.
checksums() { cat "$@" | cksum; }

python_packages() {
    case $mode in
        run) file=requirements.txt ;;
        *) file=requirements-dev.txt ;;
    esac
    run_sum="run $(checksums requirements.txt)"
    dev_sum="dev $(checksums requirements.txt requirements-dev.txt)"
    installed=$(cat .venv/.installed 2>/dev/null || true)
    if [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null; then
        [ "$installed" != "$dev_sum" ] || return 0
        [ "$mode" != run ] || [ "$installed" != "$run_sum" ] || return 0
    fi
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        say "making the virtual environment .venv"
        rm -rf .venv
        "$(find_python)" -m venv .venv
    fi
    say "installing the Python packages of $file"
    rm -f .venv/.installed
    # The lock is complete, so nothing is left for a resolver: with one, pip before 23.1 looks for the newest release
    # that a dependency's `package[extra]>=x` allows, which is not the pinned one as soon as another is published.
    .venv/bin/python -m pip install --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r "$file"
    .venv/bin/python -m pip check --disable-pip-version-check
    case $mode in
        run) printf '%s\n' "$run_sum" ;;
        *) printf '%s\n' "$dev_sum" ;;
    esac >.venv/.installed
}

system_packages
python_packages
