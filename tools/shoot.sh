#!/usr/bin/env bash
# Takes a picture of a page of Temporal's UI: tools/shoot.sh URL FILE WIDTH HEIGHT. Needs Chromium. Lists of workflows show the columns
# that chferry fills, which a person chooses with the gear below the list.
set -euo pipefail
url=$1 file=$2 width=$3 height=$4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/columns"
cat >"$work/columns/manifest.json" <<'JSON'
{"manifest_version": 3, "name": "columns", "version": "1",
 "content_scripts": [{"matches": ["http://127.0.0.1/*"], "js": ["columns.js"], "run_at": "document_start"}]}
JSON
cat >"$work/columns/columns.js" <<'JS'
const columns = ['Status', 'Workflow ID', 'ChferryOutcome', 'ChferryRows']
localStorage.setItem('namespace-workflow-table-columns', JSON.stringify({default: columns.map(label => ({label}))}))
JS

flags=(--headless --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
  --disable-sync --hide-scrollbars --user-data-dir="$work/chromium" --load-extension="$work/columns")
[ "$(id -u)" -ne 0 ] || flags+=(--no-sandbox)
timeout 120 chromium "${flags[@]}" --window-size="$width,$height" --virtual-time-budget=20000 --screenshot="$file" "$url" 2>/dev/null
echo "$file"
