#!/usr/bin/env python3
"""How fast a large bundle is verified, against sha256sum on one and on all cores.

usage: verify.py DR_DRILL [FILES]
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

dr_drill, files = os.path.abspath(sys.argv[1]), int((sys.argv[2:] + ["100000"])[0])
cores = os.cpu_count()


def best(*command):
    times = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - began)
    return min(times)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for number in range(files):
        path = pathlib.Path(f"backup/{number // 1000:04}/{number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.sha256(str(number).encode()).digest() * 128)
    pathlib.Path("manifest.json").write_text(json.dumps({
        "backup": {"path": "backup", "sha256": "0" * 64, "captured_at": "2026-11-20T08:00:00Z"},
        "restore": {"driver": "files"}}))
    subprocess.run([dr_drill, "pin", "--manifest", "manifest.json", "--captured-at", "2026-11-20T08:00:00Z", "--root", "."],
                   check=True, capture_output=True)
    subprocess.run([dr_drill, "run", "--manifest", "manifest.json", "--root", ".", "--keep-artifacts", "--quiet",
                    "--current-time", "2026-11-20T09:00:00Z"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours = best(dr_drill, "verify")
    os.chdir("artifacts/dr")
    one = best("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
    split = f"split -n r/{cores} --filter='sha256sum --check --strict --quiet -' SHA256SUMS"
    every = best("sh", "-c", split)
    print(f"{files} files of 4 KiB: verified in {ours:.2f} s; sha256sum takes {one / ours:.2f} times as long on one core, "
          f"{every / ours:.2f} times on {cores}")
