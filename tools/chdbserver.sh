#!/usr/bin/env bash
# Runs a command in the module of chdbserver, as it is built: `tools/chdbserver.sh go vet ./...`. In the checkout its sources lie
# in a folder without go.mod, because go:embed takes no file of another module. The command prints paths of the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
sources=embedded/chdbserver/_server

module=$(mktemp -d)
trap 'rm -rf "$module"' EXIT
cp -R "$sources/." "$module"
cp embedded/modules/chdbserver.mod "$module/go.mod"
cp embedded/modules/chdbserver.sum "$module/go.sum"
cd "$module"
GOWORK=off "$@" 2>&1 | sed -e "s#$module/#$sources/#g" -e "s#\./#$sources/#"
