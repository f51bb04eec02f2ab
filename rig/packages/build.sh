#!/bin/sh
# build.sh SOURCE OUT: in a root of the release, makes the packages of the sources in SOURCE and lays them into OUT.
set -eu
source=$1 out=$2
export DEBIAN_FRONTEND=noninteractive
needed="dpkg-dev debhelper python3-venv lintian"
status() { dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null || true; }
missing=$(for package in $needed; do [ "$(status "$package")" = installed ] || echo "$package"; done)
if [ -n "$missing" ]; then
    apt-get -q -y update
    # shellcheck disable=SC2086
    apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends $missing
fi
cd "$source"
rm -rf "$out" debian
find "$SECONDSITE_KEPT" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} + 2> /dev/null || true
cp -r deploy/debian debian
mv changelog.debian debian/changelog
dpkg-buildpackage -b -us -uc -d  # what is needed was looked for above; no compiler is
mkdir -p "$out"
mv ../*.deb ../*.changes ../*.buildinfo "$out/"
