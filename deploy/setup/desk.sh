# The desk, the client for the browser. Sourced by deploy/setup.sh.

# Built only when something of it has changed. Where it can't be, the service runs without it; `make check` can't.
desk() {
    [ "$mode" != lock ] || return 0
    # Ctrl-C waits the moment that this takes.
    todo=$(trap '' INT && .venv/bin/python -m deploy.web missing "$mode") || exit 1
    for part in $todo; do
        case $part in
            node) attempt "Node for the desk" 1 install_node ;;
            packages=*) attempt "packages of the desk" "${part#*=}" .venv/bin/python -m deploy.web packages ;;
            build) attempt "building the desk" 0 .venv/bin/python -m deploy.web build ;;
        esac && continue
        [ "$mode" != check ] || exit 1
        say "the service runs without the desk; WEB=0 leaves it out."
        return 0
    done
}

# deploy/web.py believes in this Node when the list is beside it: the wheel alone may be the half of an interrupted try.
install_node() {
    pip install --progress-bar off --no-deps --require-hashes --only-binary :all: --force-reinstall -r requirements-node.txt &&
        cp requirements-node.txt .venv/.node-installed
}
