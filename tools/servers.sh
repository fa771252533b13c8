#!/usr/bin/env bash
# Makes sure that the servers of the tests are there: Redis, PostgreSQL with PgBouncer, ClickHouse. On Debian and its kin root gets
# what is missing from the distribution; anyone else gets one line for each missing server, and exit status 1. A
# server that CHFERRY_TEST_REDIS, CHFERRY_TEST_POSTGRES or CHFERRY_TEST_CLICKHOUSE names is not looked for.
# (Temporal's is a Go program, which `make test` builds.) With names of programs, only these are looked for.
set -euo pipefail
wanted=" $* "

# NAME, variable (-: none), package, and where the program may be beside PATH: as package embedded looks for it.
servers=(
  "redis-server CHFERRY_TEST_REDIS redis-server /usr/sbin/redis-server"
  "postgres CHFERRY_TEST_POSTGRES postgresql /usr/lib/postgresql/*/bin/postgres"
  "clickhouse-server CHFERRY_TEST_CLICKHOUSE clickhouse-server /usr/sbin/clickhouse-server"
  "pgbouncer - pgbouncer /usr/sbin/pgbouncer"
)

# found PROGRAM PATTERN: whether the program is on PATH or where the pattern says.
found() {
  command -v "$1" >/dev/null 2>&1 || compgen -G "$2" >/dev/null
}

# named VARIABLE: whether it names a server.
named() {
  [ "$1" != - ] && [ -n "${!1:-}" ]
}

# missing prints the lines of the servers that are neither named nor found.
missing() {
  local server program variable package pattern
  for server in "${servers[@]}"; do
    IFS=' ' read -r program variable package pattern <<<"$server"
    [ "$wanted" = "  " ] || [[ "$wanted" == *" $program "* ]] || continue
    if ! named "$variable" && ! found "$program" "$pattern"; then
      echo "$program $variable $package"
    fi
  done
}

# install_packages installs without starting a service: the tests start their own, on free ports.
install_packages() {
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "$@"
}

lacking=$(missing)
if [ -n "$lacking" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
  mapfile -t packages <<<"$(awk '{print $3}' <<<"$lacking")"
  echo "installing ${packages[*]}"
  # Quiet when it works; what could not be installed is named below.
  output=$(install_packages "${packages[@]}" 2>&1) || echo "$output" >&2
  lacking=$(missing)
fi
[ -n "$lacking" ] || exit 0

while read -r program variable package; do
  remedy="install the package $package"
  [ "$variable" = - ] || remedy+=", or set $variable to the URL of a server"
  echo "$program is missing: $remedy" >&2
done <<<"$lacking"
exit 1
