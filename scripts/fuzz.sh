#!/usr/bin/env bash
# usage: fuzz.sh [SECONDS] [TARGETS]
# Runs every fuzz target for so many seconds: no crash, no hang over a second, no more memory than is said below.
# Wants cargo-fuzz; the sanitizer that comes with a stable compiler is let in by RUSTC_BOOTSTRAP.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
# What was freed is kept by the sanitizer to notice its use: a little of it is enough.
export RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=quarantine_size_mb=8
command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is not installed: cargo install cargo-fuzz" >&2; exit 1; }
seed() {
  local target=$1
  shift
  mkdir -p "fuzz/corpus/$target"
  cp "$@" "fuzz/corpus/$target/"
}
seed provenance data/dr/provenance.json fixtures/sigstore/*.json
seed bundle fixtures/sigstore/*.json
seed sbom data/dr/sbom.json fixtures/real/dr-drill.cdx.json
seed envelope fixtures/minisign/*
seed manifest data/dr/manifest.json
seed exercise data/scenarios/*.yaml
fleet=$(mktemp -d)
# The one of the page about calendars.
sed -n '/^# fleet.yaml$/,/^```$/p' docs/schedule.md | sed '$d' >"$fleet/fleet.yaml"
seed fleet "$fleet/fleet.yaml"
rm -r "$fleet"
seed payload fixtures/real/shop.{pgdump,tar,rdb,sql} data/dr/backup.json
python3 - <<'PYTHON'
import json, pathlib
bundle = json.loads(pathlib.Path("fixtures/sigstore/provenance.sigstore.json").read_text())
folder = pathlib.Path("fuzz/corpus/envelope")
folder.mkdir(parents=True, exist_ok=True)
(folder / "envelope.json").write_text(json.dumps(bundle["dsseEnvelope"]))
PYTHON
# A pack of a real drill, and its first bytes.
folder=$(mktemp -d)
cargo run --quiet --release -- run --quiet --current-time 2026-11-20T09:00:00Z --evidence-dir "$folder/dr" \
  --output "$folder/dr/dr-report.json" --ndjson "$folder/dr/dr-events.ndjson"
cargo run --quiet --release -- evidence pack "$folder/dr" --out "$folder/dr.tar.zst"
head -c 3000 "$folder/dr.tar.zst" >"$folder/cut.tar.zst"
seed pack "$folder"/*.tar.zst
rm -r "$folder"
for target in ${2:-envelope provenance bundle sbom manifest exercise fleet payload pack}; do
  # The files at the top of a pack are kept in memory, up to 512 MiB.
  memory=256
  [ "$target" != pack ] || memory=1024
  cargo fuzz run -O "$target" -- -max_total_time="$seconds" -timeout=1 -rss_limit_mb="$memory" -max_len=65536
done
