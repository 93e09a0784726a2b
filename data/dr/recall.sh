#!/bin/sh
# Recalls the sample backup: $1 backup, $2 provenance, $3 SBOM, $4 output directory.
set -eu
cat "$1" > "$4/recovered-backup.json"
echo "recalled $(wc -c < "$4/recovered-backup.json") bytes"
