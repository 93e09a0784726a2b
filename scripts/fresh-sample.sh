#!/bin/sh
# Makes a fresh sample backup with what vouches for it, and pins it: fresh-sample.sh DR_DRILL DIR
#
# What a backup job does, in small: capture, describe, attest, pin. The drill that follows uses the
# real clock.
set -eu
dr_drill=$1
dir=$2
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$dir"
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
cp "$here/data/dr/recall.sh" "$here/data/dr/manifest.json" "$dir/"
sed "s/\"captured_at\": \"[^\"]*\"/\"captured_at\": \"$now\"/" "$here/data/dr/backup.json" > "$dir/backup.json"
old=$(sha256sum "$here/data/dr/backup.json" | cut -d' ' -f1)
new=$(sha256sum "$dir/backup.json" | cut -d' ' -f1)
for name in sbom.json provenance.json; do
  sed "s/$old/$new/; s/2026-11-20T08:00:00Z/$now/" "$here/data/dr/$name" > "$dir/$name"
done
"$dr_drill" pin --manifest "$dir/manifest.json"
