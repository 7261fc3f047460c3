# The virtual environment .venv and the Python packages in it. Sourced by deploy/setup.sh.

# .venv/.installed says which list was installed, whole, and the checksums of the lists. The development packages
# include those of the run, so either list will do for a run.
checksums() { cat "$@" | cksum; }

python_packages() {
    run_lists="requirements.in requirements.txt requirements-node.in requirements-node.txt"
    # Word splitting wanted: one list a word.
    # shellcheck disable=SC2086
    run_sum="run $(checksums $run_lists)"
    # shellcheck disable=SC2086
    dev_sum="dev $(checksums $run_lists requirements-dev.in requirements-dev.txt $(pip_lists))"
    installed=$(cat .venv/.installed 2>/dev/null || true)
    lists=requirements-dev sum=$dev_sum
    case $mode-$installed in
        run-dev*) ;; # it is there already, so a run keeps it up to date
        run-*) lists=requirements sum=$run_sum ;;
    esac
    if [ "$installed" = "$sum" ] && is_whole; then
        return 0
    fi
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        step "virtual environment .venv" 0 make_environment
    fi
    count=$(grep -c '^[A-Za-z0-9].*==' "$lists.txt")
    step "$count Python packages" "$count" install_list "$lists"
    [ "$mode" = lock ] || printf '%s\n' "$sum" >.venv/.installed
}

# Half a second, and whoever is told by a program that a package is missing has one command that helps.
is_whole() { [ -x .venv/bin/python ] && left=$(.venv/bin/python deploy/setup/packages.py repair 2>&1) && [ -z "$left" ]; }

# In two steps, since venv keeps to itself why it could not bring pip.
make_environment() {
    rm -rf .venv && "$(find_python)" -m venv --without-pip .venv && .venv/bin/python -m ensurepip --default-pip
}

pip() {
    # A user's own settings may divert what is installed to elsewhere.
    PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 .venv/bin/python -m pip "$@"
}

# LIST.txt is a complete lock, so nothing is left for a resolver: with one, pip before 23.1 looks for the newest release
# that a dependency's `package[extra]>=x` allows, which is not the pinned one as soon as another is published.
install_list() {
    rm -f .venv/.installed
    .venv/bin/python deploy/setup/packages.py repair &&
        pip install --progress-bar off --no-deps --require-hashes --only-binary :all: -r "$1.txt" &&
        remove_others "$1.txt" &&
        pip check &&
        { [ "$mode" = lock ] || compare_lists; } &&
        { [ "$1" != requirements-dev ] || fetch_pips; }
}

# What an earlier list named, or came with the virtual environment; Node stays where the desk needed it.
remove_others() {
    others=$(.venv/bin/python deploy/setup/packages.py others "$1" requirements-node.txt) || return
    # Word splitting wanted: one package a word.
    # shellcheck disable=SC2086
    [ -z "$others" ] || pip uninstall --yes $others
}

compare_lists() {
    .venv/bin/python deploy/setup/packages.py compare requirements.in requirements.txt &&
        .venv/bin/python deploy/setup/packages.py compare requirements-node.in requirements-node.txt &&
        .venv/bin/python deploy/setup/packages.py compare requirements-dev.in requirements-dev.txt requirements.txt
}

pip_lists() { find tests/pips -name '*.txt' 2>/dev/null | sort; }

# Kept for the test that installs the lock with them.
fetch_pips() {
    for each in $(pip_lists); do
        pip download --quiet --progress-bar off --no-deps --require-hashes --only-binary :all: \
            --dest .venv/pips -r "$each" || return
    done
}
