#!/usr/bin/env python3
"""Renews data/sbom-schemas: the official SBOM schemas, without their prose, compressed.

Takes them from released packages (see NOTICE): cyclonedx-python-lib and scancodeio (wheels, from
PyPI) and @cyclonedx/cdxgen (npm package, unpacked).
Usage: scripts/vendor-schemas.py CYCLONEDX_WHEEL SCANCODEIO_WHEEL NPM_PACKAGE_DIRECTORY
"""
import gzip
import json
import pathlib
import sys
import zipfile

PROSE = {"description", "title", "examples", "meta:enum", "default", "$comment", "comment"}
OUT = pathlib.Path(__file__).parent.parent / "data" / "sbom-schemas"


def strip(node, names=False):
    """Removes prose. Below `properties` and the like keys are names, not keywords."""
    if isinstance(node, list):
        return [strip(item) for item in node]
    if not isinstance(node, dict):
        return node
    named = {"properties", "patternProperties", "definitions", "$defs", "dependencies"}
    return {
        key: strip(value, names=key in named and not names)
        for key, value in node.items()
        if names or key not in PROSE
    }


def write(name, text):
    slim = json.dumps(strip(json.loads(text)), separators=(",", ":"), sort_keys=True)
    (OUT / f"{name}.json.gz").write_bytes(gzip.compress(slim.encode(), 9, mtime=0))


cyclonedx, spdx, npm = sys.argv[1:]
with zipfile.ZipFile(cyclonedx) as package:
    files = {
        "bom-1.2": "bom-1.2-strict", "bom-1.3": "bom-1.3-strict", "bom-1.4": "bom-1.4",
        "bom-1.5": "bom-1.5", "bom-1.6": "bom-1.6", "bom-1.7": "bom-1.7", "spdx": "spdx",
        "jsf-0.82": "jsf-0.82", "cryptography-defs": "cryptography-defs",
    }
    for name, file in files.items():
        write(name, package.read(f"cyclonedx/schema/_res/{file}.SNAPSHOT.schema.json"))
with zipfile.ZipFile(spdx) as package:
    for version in ["2.2", "2.3"]:
        file = f"scanpipe/pipes/schemas/spdx-schema-{version}.json"
        write(f"spdx-{version}", package.read(file))
write("spdx-3.0.1", (pathlib.Path(npm) / "data" / "spdx-export.schema.json").read_text())
