#!/usr/bin/env python3
"""Measures dr-drill against named peers, side by side, and prints ratios. Nothing is asserted.

Each pair is run in turn, A B A B, so that a machine whose speed drifts is fair to both. Figures are
medians of whole processes. Usage: run.py DR_DRILL [--quick]
"""
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

binary = str(pathlib.Path(sys.argv[1]).resolve())
quick = "--quick" in sys.argv
here = pathlib.Path(__file__).resolve().parent
sample = here.parent / "data" / "dr"


def timed(command, **kwargs):
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)
    seconds = time.perf_counter() - start
    assert done.returncode in (0, 3), (command, done.returncode)
    return seconds


def peak_kib(command, **kwargs):
    """Peak memory of the largest process, measured in a child of its own."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
            "stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    return int(subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, **kwargs).stdout)


def pair(name, ours, theirs, runs, **kwargs):
    timed(ours, **kwargs), timed(theirs, **kwargs)
    a, b = [], []
    for _ in range(runs):
        a.append(timed(ours, **kwargs))
        b.append(timed(theirs, **kwargs))
    ratio = statistics.median(y / x for x, y in zip(a, b))
    print(f"{name}: {statistics.median(a) * 1000:.1f} ms against {statistics.median(b) * 1000:.1f} ms: "
          f"{ratio:.2f} times as fast", flush=True)


def manifest(folder, backup, **restore):
    """A manifest for a backup, with the pin that the tool computes."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({
        "backup": {"path": backup, "sha256": "0" * 64, "captured_at": "2026-01-01T00:00:00Z"},
        "restore": restore}))
    subprocess.run([binary, "pin", "--manifest", str(path), "--captured-at", "2026-01-01T00:00:00Z"],
                   check=True, stderr=subprocess.DEVNULL)
    return path


def drill(folder, path):
    subprocess.run([binary, "run", "--quiet", "--manifest", str(path), "--evidence-dir", str(folder / "evidence"),
                    "--output", str(folder / "evidence/dr-report.json"),
                    "--ndjson", str(folder / "evidence/dr-events.ndjson")], check=True)
    report = json.loads((folder / "evidence/dr-report.json").read_text())
    return {step["step"]: step["duration_seconds"] for step in report["steps"]}


base = pathlib.Path(tempfile.mkdtemp(prefix="dr-drill-bench-", dir=here.parent / "target"))
try:
    # 1. The sample drill, start to exit, evidence on the disk.
    shutil.copytree(sample, base / "sample", ignore=shutil.ignore_patterns("restored"))
    ours = [binary, "run", "--quiet", "--manifest", "sample/manifest.json", "--evidence-dir", "ours",
            "--output", "ours/dr-report.json", "--ndjson", "ours/dr-events.ndjson",
            "--current-time", "2026-11-20T09:00:00Z"]
    theirs = [sys.executable, str(here / "yardstick.py"), "sample/manifest.json", "theirs"]
    pair("sample drill against a small Python program", ours, theirs, 5 if quick else 21, cwd=base)

    # 2. One large file, from the page cache, against the same bytes hashed in memory.
    size = (256 if quick else 1024) << 20
    (base / "large").mkdir()
    large = base / "large" / "backup.bin"
    with open(large, "wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    # The driver gets the backup itself: what is measured is hashing, not copying.
    script = base / "large" / "script.sh"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    path = manifest(base / "large", "backup.bin", script="script.sh", copy_backup=False)

    def digest_seconds(copy):
        text = json.loads(path.read_text())
        text["restore"]["copy_backup"] = copy
        path.write_text(json.dumps(text))
        subprocess.run([binary, "run", "--quiet", "--manifest", str(path), "--evidence-dir", str(base / "e"),
                        "--output", str(base / "e/dr-report.json"), "--ndjson", str(base / "e/dr-events.ndjson")],
                       stdout=subprocess.DEVNULL)
        report = json.loads((base / "e/dr-report.json").read_text())
        steps = {step["step"]: step["duration_seconds"] for step in report["steps"]}
        return steps["verify_backup_digest"]

    def openssl():
        printed = subprocess.run(["openssl", "speed", "-evp", "sha256", "-bytes", "1048576", "-seconds", "1"],
                                 capture_output=True, text=True).stdout
        return float(re.findall(r"([0-9.]+)k\s*$", printed.strip())[0]) * 1000

    ratios, rates = [], []
    for _ in range(3 if quick else 9):
        memory = openssl()
        rate = size / digest_seconds(False)
        rates.append(rate)
        ratios.append(rate / memory)
    print(f"one file of {size >> 20} MiB: {statistics.median(rates) / 1e9:.2f} GB/s, "
          f"{statistics.median(ratios):.2f} of `openssl speed -evp sha256` in memory")
    command = [binary, "run", "--quiet", "--manifest", str(path), "--evidence-dir", str(base / "e"),
               "--output", str(base / "e/dr-report.json"), "--ndjson", str(base / "e/dr-events.ndjson")]
    print(f"  peak memory of the whole drill: {peak_kib(command) / 1024:.1f} MiB")

    # 3. Copying and hashing in one pass, against each alone. A virtual machine may give free memory
    # back to its host, and then pays for each page that a copy fills ten times what the copy costs.
    # When it does so is its own affair: both copies wait for it, so that they find the same.
    size = 256 << 20
    os.truncate(large, size)
    subprocess.run([binary, "pin", "--manifest", str(path)], check=True, stderr=subprocess.DEVNULL)

    def copy_seconds():
        start = time.perf_counter()
        subprocess.run(["cp", "--reflink=never", str(large), str(base / "copy")], check=True)
        seconds = time.perf_counter() - start
        os.unlink(base / "copy")
        return seconds

    copies, hashes, both = [], [], []
    for _ in range(2 if quick else 5):
        time.sleep(4)
        copies.append(copy_seconds())
        time.sleep(4)
        both.append(digest_seconds(True))
        hashes.append(digest_seconds(False))
    slower = max(statistics.median(copies), statistics.median(hashes))
    total = statistics.median(copies) + statistics.median(hashes)
    print(f"copy and hash {size >> 20} MiB: {statistics.median(both):.2f} s; `cp` alone {statistics.median(copies):.2f} s, hash alone "
          f"{statistics.median(hashes):.2f} s: {statistics.median(both) / slower:.2f} of the slower, "
          f"{statistics.median(both) / total:.2f} of their sum")
    shutil.rmtree(base / "large")

    # 4. A tree of many small files, from the page cache.
    count = 10_000 if quick else 100_000
    tree = base / "tree"
    for number in range(count):
        if number % 1000 == 0:
            (tree / f"d{number // 1000}").mkdir(parents=True)
        (tree / f"d{number // 1000}" / f"f{number}").write_bytes(os.urandom(1024))
    path = manifest(base, "tree", driver="files", output_dir="out")
    # The whole drill also copies and compares; what is compared is the hashing step.
    ours_times, theirs_times = [], []
    for _ in range(3 if quick else 7):
        start = time.perf_counter()
        subprocess.run("find tree -type f -print0 | xargs -0 -P2 sha256sum > /dev/null", shell=True, cwd=base, check=True)
        theirs_times.append(time.perf_counter() - start)
        ours_times.append(drill(base, path)["verify_backup_digest"])
    ratio = statistics.median(y / x for x, y in zip(ours_times, theirs_times))
    print(f"tree of {count} files of 1 KiB: {statistics.median(ours_times) * 1000:.0f} ms against "
          f"{statistics.median(theirs_times) * 1000:.0f} ms of find | xargs -P2 sha256sum: {ratio:.2f} times as fast")
finally:
    shutil.rmtree(base, ignore_errors=True)
