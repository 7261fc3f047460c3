# The Debian packages. Sourced by deploy/setup.sh.

# A Python that can make a virtual environment; Debian ships venv apart from python3.
find_python() {
    for candidate in python3.11 python3 python3.12 python3.13 python3.14; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
}

needs_libmagic() { [ "$mode" = run ] || [ "$mode" = test ]; }

has_libmagic() {
    "$(find_python)" -c 'import ctypes; ctypes.CDLL("libmagic.so.1")' 2>/dev/null
}

# An embedded server is needed where the operator brings none.
needs() {
    case $mode in
        check | lock) return 1 ;;
        test) return 0 ;;
        *) ! given "$1" >/dev/null ;;
    esac
}

# nginx goes before the API, unless NGINX says no.
needs_nginx() {
    case $mode-$(given NGINX) in
        check-* | lock-*) return 1 ;;
        test-*) return 0 ;;
        *-0 | *-[Ff]alse | *-[Nn]o | *-[Oo]ff) return 1 ;;
    esac
}

# Prints the Debian packages of what is not there.
missing_packages() {
    [ -n "$(find_python)" ] || printf ' python3 python3-venv'
    ! needs_libmagic || has_libmagic || printf ' libmagic1'
    if needs DATABASE_URL && ! { command -v mariadbd && command -v mariadb-install-db || command -v mysqld; } >/dev/null; then
        # The server without Debian's service around it. Its set-up script wants
        # my_print_defaults, which is in the client package.
        printf ' mariadb-server-core mariadb-client-core'
    fi
    if needs REDIS_URL && ! command -v redis-server >/dev/null; then
        printf ' redis-server'
    fi
    if needs_nginx && ! command -v nginx >/dev/null; then
        printf ' nginx'
    fi
    # Their tests are skipped without them, so nobody has to install them by hand.
    if [ "$mode" = test ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        command -v chromium >/dev/null || printf ' chromium'
        # promtool, which rings the alarms.
        command -v promtool >/dev/null || printf ' prometheus'
    fi
    # The tour of the README, which a test pastes into a shell.
    if [ "$mode" = test ] && ! command -v curl >/dev/null; then
        printf ' curl'
    fi
}

policy=/usr/sbin/policy-rc.d
ours='# SinPluma is installing packages, and none of them shall start a service.'

# Debian starts a service as soon as it is installed. Ours are private, so the package's own must stay down: policy-rc.d
# forbids it while we install, and only while we install. An earlier try may have been killed and have left ours.
forbid_services() {
    [ ! -e "$policy" ] || grep -qF "$ours" "$policy" || return 0
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\n%s\nexit 101\n' "$ours" >"$policy" && chmod 755 "$policy"
}

# A package that was interrupted between unpacking and set-up is finished first: apt refuses to go on beside it.
install_packages() (
    export DEBIAN_FRONTEND=noninteractive
    forbid_services && apt-get update -q
    if [ -n "$(dpkg --audit)" ]; then
        dpkg --configure -a
    fi
    apt-get install -q -y --no-install-recommends --fix-broken -o DPkg::Lock::Timeout=120 "$@"
)

system_packages() {
    missing=$(missing_packages)
    # An apt that was interrupted half-way may have left a server there without its libraries.
    unfinished=$var/apt-unfinished
    [ -n "$missing" ] || [ -e "$unfinished" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        [ -n "$missing" ] || return 0
        say "these packages are missing:$missing" >&2
        say "install them and try again:  sudo apt-get install --no-install-recommends$missing" >&2
        say "(DATABASE_URL, REDIS_URL, S3_ENDPOINT or NGINX=0, when set, replace the server of that kind; see .env.example)" >&2
        exit 1
    fi
    open_log
    : >"$unfinished"
    # Word splitting wanted: one package a word.
    # shellcheck disable=SC2086
    step "Debian packages:$missing" 0 install_packages $missing
    rm -f "$unfinished"
    missing=$(missing_packages)
    [ -z "$missing" ] || { say "still missing after the installation:$missing; see $log" >&2; exit 1; }
}
