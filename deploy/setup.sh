#!/bin/sh
# Brings a machine to where `run.py` or pytest can start: system packages, .venv, pinned
# Python packages. Plain sh without a helper, because a bare Debian has no Python yet.
#
#   deploy/setup.sh run     what `make run` needs (an embedded server only where no URL is set)
#   deploy/setup.sh test    the same with all servers and the development packages
#   deploy/setup.sh check   only Python and the development packages
#   deploy/setup.sh lock    as check, where the lists may have changed and the locks not yet
#
# As root with apt-get, what is missing is installed. Otherwise it is named, all at once.
# Interrupted at any moment, it goes on with the next try.
set -eu

mode=${1:-run}
cd "$(dirname "$0")/.."
# Debian keeps servers in sbin, which is not on everyone's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

. deploy/setup/terminal.sh
. deploy/setup/debian.sh
. deploy/setup/python.sh
. deploy/setup/desk.sh

# Two `make` at once in one checkout would build one .venv twice over. This very file
# is the lock: it needs no other file, and the kernel lets go when we end.
if command -v flock >/dev/null; then
    exec 9<deploy/setup.sh
    flock -n 9 || { say "waiting for another set-up of this checkout" && flock 9; }
fi

# The steps. One more is one more function here: it ends at once and says nothing when all is there, runs what takes
# long under `step`, and finds what an interrupted one left behind.
system_packages
[ "$mode" = lock ] && [ -x .venv/bin/uv ] || python_packages
desk
