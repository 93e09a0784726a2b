#!/usr/bin/env python3
"""Kills whoever keeps a calendar at random moments, also two at once, and counts how every slot ended.

    scripts/calendar.py DR_DRILL [KILLS] [SEED]

The fleet has a drill by a script and, where PostgreSQL is installed, one of a database, both due every ten minutes of a
clock that goes on with each round. At the end every slot has to be recorded once, the chain to be whole, and nothing
that was started to be left.
"""
import collections
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
START = datetime.datetime(2026, 11, 21, tzinfo=datetime.timezone.utc)
EVERY = datetime.timedelta(minutes=10)
DUMP = "--\n-- PostgreSQL database dump\n--\nCREATE TABLE t (id integer PRIMARY KEY);\nCOPY t FROM stdin;\n1\n2\n\\.\n--\n-- PostgreSQL database dump complete\n--\n"


def project(folder, program):
    """A fleet of one or two drills."""
    shutil.copytree(HERE / "data/dr", folder / "dr")
    manifest = json.loads((folder / "dr/manifest.json").read_text())
    manifest["policies"] = {"max_rpo_minutes": 1e9}
    (folder / "dr/manifest.json").write_text(json.dumps(manifest))
    (folder / "dr/recall.sh").write_text("#!/bin/sh\nsleep 0.1\ncat \"$1\" > \"$4/recovered-backup.json\"\n")
    drills = [{"name": "script", "manifest": "dr/manifest.json"}]
    if any(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        (folder / "pg").mkdir()
        (folder / "pg/t.sql").write_text(DUMP)
        manifest = {"backup": {"path": "t.sql", "sha256": "0" * 64, "captured_at": "2026-11-19T00:00:00Z"},
                    "restore": {"driver": "postgres"}, "instance": {"profile": "fast"}}
        (folder / "pg/manifest.json").write_text(json.dumps(manifest))
        subprocess.run([program, "pin", "--manifest", "pg/manifest.json", "--captured-at", "2026-11-19T00:00:00Z"],
                       cwd=folder, check=True, capture_output=True)
        drills.append({"name": "postgres", "manifest": "pg/manifest.json"})
    fleet = {"machine": {"drills": 2}, "drills": drills,
             "defaults": {"cron": "*/10 * * * *", "start_within_minutes": 9}}
    (folder / "fleet.json").write_text(json.dumps(fleet))
    return [drill["name"] for drill in drills]


def main():
    program = str(Path(sys.argv[1]).resolve())
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    folder = Path(tempfile.mkdtemp(prefix="calendar-"))
    os.chmod(folder, 0o711)
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o711)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(folder / "cache")}
    names = project(folder, program)
    due = [program, "schedule", "run-due", "--fleet", "fleet.json", "--current-time"]
    quiet = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    now = START
    subprocess.run(due + [now.isoformat()], **quiet, check=True)
    killed = rounds = 0
    while killed < kills:
        rounds += 1
        now += EVERY
        both = [subprocess.Popen(due + [(now + datetime.timedelta(seconds=30)).isoformat()], **quiet)
                for _ in range(random.choice([1, 2]))]
        time.sleep(random.random() * random.choice([0.05, 0.4, 1.5]))
        for process in both:
            if process.poll() is None:
                killed += 1
                process.kill()
            process.wait()
    # In peace: what was cut off last is settled, and run again where it may be.
    for minutes in (5, 15, 25):
        subprocess.run(due + [(now + datetime.timedelta(minutes=minutes)).isoformat()], **quiet, check=False)
    ask = {"cwd": folder, "env": environment, "capture_output": True, "text": True, "check": False}
    ledger = json.loads(subprocess.run([program, "schedule", "ledger", "--format", "json"], **ask).stdout)["ended"]
    ends = collections.Counter((slot["drill"], slot["due_at"]) for slot in ledger)
    wanted = [(name, (START + EVERY * number).strftime("%Y-%m-%dT%H:%M:00.000Z"))
              for name in names for number in range(1, rounds + 1)]
    lost = [slot for slot in wanted if slot not in ends]
    twice = [slot for slot, times in ends.items() if times > 1]
    audit = json.loads(subprocess.run([program, "history", "verify", "--format", "json"], **ask).stdout)
    how = collections.Counter(slot["verdict"] or slot["cause"] for slot in ledger)
    reasons = collections.Counter(slot.get("reason") for slot in ledger if slot["verdict"] == "failed")
    subprocess.run([program, "gc"], **ask)
    left = [path.name for path in temporary.iterdir()]
    running = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout.split()
    print(f"{rounds} rounds of {len(names)} drills, {killed} kills: {len(ledger)} slots, {len(lost)} lost, "
          f"{len(twice)} twice; {dict(how)}")
    for reason, times in reasons.items():
        print(f"failed {times} times: {reason}")
    print(f"history: {audit['drills']} drills and {audit['unrun_slots']} slots without one, "
          f"{'intact' if audit['intact'] else audit['problems'][:3]}; left: {left or 'nothing'}, "
          f"running: {running or 'nothing'}")
    good = not lost and not twice and audit["intact"] and not left and not running
    if good:
        shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
