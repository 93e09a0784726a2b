#!/usr/bin/env python3
"""Drills of the real dumps in fixtures/real, again and again: healthy ones must pass, killed ones must leave nothing.

Prints how many healthy drills of each kind passed, what was left after so many drills that were killed outright at
random moments and one `dr-drill gc`, and how eight drills at once ended. Run it beside something that loads the machine.
Usage: scripts/stress.py DR_DRILL [HEALTHY_OF_EACH] [KILLED]
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

binary = str(pathlib.Path(sys.argv[1]).resolve())
healthy, killed = (int(text) for text in (sys.argv[2:] + ["50", "200"][len(sys.argv) - 2:])[:2])
fixtures = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "real"
home = pathlib.Path(tempfile.mkdtemp(prefix="stress-"))
home.chmod(0o711)
environment = {"PATH": os.environ["PATH"], "TMPDIR": str(home), "XDG_CACHE_HOME": str(home / "cache")}
KINDS = {"shop.sql": "postgres", "shop.pgdump": "postgres", "shop.mariadb.sql": "mysql", "shop.db": "sqlite",
         "shop.rdb": "redis", "shop-redis": "redis"}


def prepare(name):
    manifest = {"backup": {"path": name, "sha256": "0" * 64, "captured_at": "2026-01-01T00:00:00Z"},
                "restore": {"driver": KINDS[name]}}
    (home / f"{name}.json").write_text(json.dumps(manifest))
    subprocess.run([binary, "pin", "--manifest", f"{name}.json", "--root", "."], cwd=home, check=True,
                   capture_output=True, env=environment)


def start(name, number):
    evidence = home / f"evidence-{number}"
    shutil.rmtree(evidence, ignore_errors=True)
    return subprocess.Popen(
        [binary, "run", "--manifest", f"{name}.json", "--root", ".", "--output", evidence / "dr-report.json",
         "--ndjson", evidence / "dr-events.ndjson", "--evidence-dir", evidence, "--quiet"],
        cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def processes():
    """Those whose command line speaks of this directory."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(home) in entry.read_text(errors="replace").replace("\0", " "):
                found.append(entry.parent.name)
        except OSError:
            pass
    return [pid for pid in found if pid != str(os.getpid())]


try:
    for name in ["shop.sql", "shop.pgdump", "shop.mariadb.sql", "shop.rdb"]:
        shutil.copy(fixtures / name, home)
    shutil.copytree(fixtures / "shop-redis", home / "shop-redis")
    subprocess.run(["sqlite3", str(home / "shop.db"), "CREATE TABLE a (b); INSERT INTO a VALUES (1), (2)"], check=True)
    for name in KINDS:
        prepare(name)
        passed = sum(start(name, 0).wait() == 0 for _ in range(healthy))
        print(f"{name}: {passed} of {healthy} healthy drills passed", flush=True)
    random.seed(7)
    ended = 0
    for _ in range(killed):
        process = start(random.choice(["shop.sql", "shop.pgdump", "shop.mariadb.sql"]), 0)
        time.sleep(random.uniform(0, 0.8))
        process.send_signal(signal.SIGKILL)
        ended += process.wait() == -signal.SIGKILL
    for _ in range(100):
        if not processes():
            break
        time.sleep(0.05)
    left = len(processes())
    before = len(list(home.glob("dr-drill-run-*")))
    subprocess.run([binary, "gc"], cwd=home, env=environment, check=True, capture_output=True)
    after = len(list(home.glob("dr-drill-run-*")))
    print(f"{ended} of {killed} drills were killed before their end: {left} processes left; {before} directories left "
          f"before gc, {after} after it", flush=True)
    together = [start("shop.pgdump", number) for number in range(8)]
    print(f"8 drills at once: exit codes {[process.wait() for process in together]}")
finally:
    shutil.rmtree(home, ignore_errors=True)
