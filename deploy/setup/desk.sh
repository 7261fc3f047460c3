# The desk, the client for the browser. Sourced by deploy/setup.sh.

# Built only when something of it has changed. Where it can't be, one line says so, and the service runs without it;
# `make check` looks at its sources by itself.
desk() {
    case $mode in
        run | test) .venv/bin/python -m deploy.web "$mode" ;;
    esac
}
