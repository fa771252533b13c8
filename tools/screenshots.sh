#!/usr/bin/env bash
# Makes docs/images/sync.png: a sync of a real demo, in which a worker was killed, as Temporal's UI shows it.
# Needs bin/chferry (make build), curl and Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
bin/chferry demo --keep --rows 20000 --live 5s >"$work/demo.log" 2>&1 &
demo=$!
trap 'kill -INT "$demo" 2>/dev/null || true; wait "$demo" || true; rm -rf "$work"' EXIT

until grep -q 'Everything is kept up' "$work/demo.log"; do
  kill -0 "$demo" # it ends this script if the demo has ended
  sleep 1
done
ui=$(grep -om1 'http://127.0.0.1:[0-9]*' "$work/demo.log")

# The last sync of users that imported something was running when the worker was killed.
run=$(curl -fsS --get "$ui/api/v1/namespaces/default/workflows" \
  --data-urlencode 'query=ChferryOutcome="synced" AND ChferryImportKey="users"' |
  awk -F '"' '/"workflowId"/ && !id { id = $4 } /"runId"/ && !run { run = $4 } END { print id "/" run }')

tools/shoot.sh "$ui/namespaces/default/workflows/$run/history" "$PWD/docs/images/sync.png" 1500 1150
