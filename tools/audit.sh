#!/usr/bin/env bash
# Makes the pictures of docs/audit.md: syncs that went well, in part and not at all, as Temporal's UI shows them.
# Needs bin/chferry (make build), PostgreSQL with psql, curl and Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
chmod 755 "$work" # for root's PostgreSQL, which runs as another user
bin/chferry dev --dir "$work/dev" >"$work/dev.log" 2>&1 &
dev=$!
trap 'kill -INT "$dev" 2>/dev/null || true; wait "$dev" || true; rm -rf "$work"' EXIT
until grep -q '^Up\.' "$work/dev.log"; do
  kill -0 "$dev" 2>/dev/null || { cat "$work/dev.log" >&2; exit 1; }
  sleep 1
done

export CHFERRY_CONFIG="$work/dev/chferry.yaml"
# The first word behind the name, in the list of addresses.
address() { awk -v what="  $1  " 'index($0, what) == 1 { split(substr($0, 16), words, " "); print words[1]; exit }' "$work/dev.log"; }
ui=$(address 'temporal ui')
sql() { psql -q -v ON_ERROR_STOP=1 "$(address source)" -c "$1"; }
# The last run of users with an outcome, as ID/RUN; nothing if there is none yet.
run() {
  curl -fsS --get "$ui/api/v1/namespaces/default/workflows" --data-urlencode "query=ChferryImportKey=\"users\" AND ChferryOutcome=\"$1\"" |
    awk -F '"' '/"workflowId"/ && !id { id = $4 } /"runId"/ && !run { run = $4 } END { if (run) print id "/" run }'
}
await() {
  for _ in $(seq 60); do
    [ -z "$(run "$1")" ] || return 0
    sleep 1
  done
  echo "no run of users ended as $1" >&2
  return 1
}

# A trigger in the second of a tick, every 10 s, looks like one.
between_ticks() { while [[ $(date +%s) == *[089] ]]; do sleep 0.5; done; }

# A person's sync, of rows and deletes.
bin/chferry pause users
sql "INSERT INTO users SELECT n, 'user ' || n, 'user' || n || '@example.com', n * 0.01, true,
  timestamp '2026-01-01' + n * interval '1 second' FROM generate_series(1, 250000) n"
bin/chferry register users insert --all
sql 'DELETE FROM users WHERE id <= 1000'
seq 1 1000 | bin/chferry register users delete -
between_ticks
bin/chferry sync users --wait 2>/dev/null
await synced
synced=$(run synced)

# A tick's, with a primary key that is no number.
bin/chferry register users update one 2001 2002 2003
bin/chferry resume users
await partial

# A nudge's, while the tables do not fit each other; then they are made to.
sql 'ALTER TABLE users ALTER name DROP NOT NULL'
between_ticks
bin/chferry register users update 3001 3002 3003
await failed
bin/chferry pause users
sql 'ALTER TABLE users ALTER name SET NOT NULL'
bin/chferry resume users
bin/chferry sync users --wait 2>/dev/null
until [ "$(run synced)" != "$synced" ]; do sleep 1; done

workflows="$ui/namespaces/default/workflows"
shoot() { tools/shoot.sh "$1" "$PWD/docs/images/audit-$2.png" 1280 "$3"; }
shoot "$workflows?query=ChferryImportKey%3D%22users%22%20AND%20ChferryOutcome%20!%3D%20%22idle%22" list 480
shoot "$workflows/$synced/history" synced 1060
shoot "$workflows/$(run partial)/history" partial 970
shoot "$workflows/$(run partial)/history/events/12" step 1240 # InsertBatch, behind the 11 events of PreSync and GetOperations
shoot "$workflows/$(run failed)/history" failed 930
shoot "$workflows/$(run failed)/user-metadata" details 680
shoot "$ui/namespaces/default/schedules/chferry:sync:users" schedule 1090
