#!/bin/sh
# Brings a real MySQL server for `make test DB=mysql` and prints the program to start: the one on
# the PATH, else Debian unstable's in .mysql, since stable ships MariaDB only. It needs no chroot
# to run: its own loader and libraries go with it.
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
folder=.mysql
program=$PWD/$folder/mysqld

say() { printf '%s\n' "sinpluma: $*" >&2; }

# MariaDB installs a mysqld too, which is itself under its old name.
is_mysql() { "$1" --no-defaults --version 2>/dev/null | grep -qv MariaDB; }

onpath=$(command -v mysqld || true)
if [ -n "$onpath" ] && is_mysql "$onpath"; then
    printf '%s\n' "$onpath"
    exit
fi
if [ -x "$program" ] && is_mysql "$program"; then
    printf '%s\n' "$program"
    exit
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "there is no MySQL server on the PATH; install mysqld 8.4 or later, or run this as root on Debian"
    exit 1
fi
command -v debootstrap >/dev/null || {
    say "installing debootstrap"
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap >&2
}
say "unpacking MySQL from Debian unstable into $folder (600 MB)"
rm -rf "$folder"
mkdir "$folder"
debootstrap --variant=minbase --include=mysql-server-core sid "$folder/root" >&2

loader=$(find "$PWD/$folder/root/usr/lib" -maxdepth 2 -name 'ld-linux*.so*' | head -n 1)
# Each setting of ours comes after --no-defaults, which must be the first.
cat >"$program" <<END
#!/bin/sh
first=\$1
shift
exec "$loader" --library-path "${loader%/*}" "$PWD/$folder/root/usr/sbin/mysqld" "\$first" \\
    --lc-messages-dir="$PWD/$folder/root/usr/share/mysql" "\$@"
END
chmod 755 "$program"
is_mysql "$program" || { say "the unpacked server does not start: $("$program" --no-defaults --version 2>&1 | tail -n 3)"; exit 1; }
printf '%s\n' "$program"
