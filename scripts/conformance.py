#!/usr/bin/env python3
"""Runs `dr-drill check sbom` on the public test vectors of CycloneDX, and prints every wrong verdict.

The vectors are not part of this project: they come with the source distribution of
cyclonedx-python-lib (PyPI), in tests/_data/schemaTestData, as valid-*.json and invalid-*.json.
Usage: conformance.py DR_DRILL DIRECTORY
"""
import pathlib
import subprocess
import sys

binary, folder = sys.argv[1:]
right = {"valid": 0, "invalid": 0}
wrong = 0
for path in sorted(pathlib.Path(folder).rglob("*.json")):
    kind = path.name.split("-")[0]
    if kind not in right:
        continue
    done = subprocess.run([binary, "check", "sbom", str(path)], capture_output=True, text=True)
    if done.returncode == {"valid": 0, "invalid": 1}[kind]:
        right[kind] += 1
    else:
        wrong += 1
        print(f"WRONG ({done.returncode}): {path.name}\n{done.stdout}{done.stderr}")
print(f"{right['valid']} valid accepted, {right['invalid']} invalid refused, {wrong} wrong")
sys.exit(wrong > 0)
