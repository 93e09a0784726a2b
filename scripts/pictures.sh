#!/bin/sh
# Makes a history of drills with fixed clocks, its dashboard, and the pictures of docs/pictures/.
# usage: pictures.sh DR_DRILL [PICTURES]
set -eu
dr_drill=$(realpath "$1")
pictures=$(realpath "${2:-docs/pictures}")
scripts=$(realpath "$(dirname "$0")")
axe=$(realpath target/test-tools/axe_playwright_python/axe.min.js)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$dr_drill" keygen me >/dev/null 2>&1
drill() { # NAME DAY KILOBYTES EXIT
  mkdir -p "$1/backup"
  head -c "$(($3 * 1024))" /dev/zero >"$1/backup/data"
  printf '#!/bin/sh\n[ %s = 0 ] || exit %s\nsleep 0.0%s\ncp -r "$BACKUP_PATH" "$RESTORE_DIR/recovered-backup"\n' "$4" "$4" "$2" >"$1/recall.sh"
  chmod +x "$1/recall.sh"
  cat >"$1/manifest.json" <<END
{"name": "$1", "backup": {"path": "backup", "sha256": "$(printf '0%.0s' $(seq 64))", "captured_at": "2026-11-$2T01:00:00Z"},
 "restore": {"script": "recall.sh"}, "corrective_action": {"owner": "dba@example.org", "due_days": 3},
 "policies": {"max_rto_seconds": 0.4, "max_rpo_minutes": 120}}
END
  "$dr_drill" pin --manifest "$1/manifest.json" --captured-at "2026-11-$2T01:00:00Z" --root . >/dev/null 2>&1
  "$dr_drill" run --manifest "$1/manifest.json" --history dr-history --signing-key me.key --root . \
    --current-time "2026-11-$2T02:00:00Z" --quiet >/dev/null 2>&1 || true
}
for day in 10 11 12 13 14 15 16 17 18 19 20; do
  drill orders $day $((day * 2000)) 0
  drill customers $day 300 "$((day == 14))"
  if [ $day -gt 12 ]; then drill invoices $day 900 "$((day > 18))"; fi
done
"$dr_drill" dashboard --history dr-history --out site --current-time 2026-11-20T12:00:00Z >/dev/null
orders=$(sed -n 's|.*href="names[^"]*\([0-9a-f]\{12\}\)\.html">orders<.*|\1|p' site/index.html)
cp "site/names/$orders.html" site/names/orders.html
mkdir -p "$pictures"
"$scripts/browse.py" "$axe" "$pictures" site/index.html site/names/orders.html site/controls.html artifacts/dr/dr-report.html >"$work/found.json"
python3 - "$work/found.json" <<'END'
import json, sys
wrong = [page for page in json.load(open(sys.argv[1])) if page["console"] or page["violations"] or page["too_wide"]]
sys.exit(json.dumps(wrong, indent=1) if wrong else 0)
END
