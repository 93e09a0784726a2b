#!/usr/bin/env python3
"""What a calendar of a large fleet costs: a year of it played, and a daemon that waits.

    benches/calendar.py DR_DRILL [DRILLS] [MINUTES]
"""
import datetime
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ZONES = ["Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata"]


def write(path, pattern, drills):
    """A fleet of so many drills with random patterns."""
    each = [{"name": f"db-{number:06}", "manifest": "dr/manifest.json",
             "schedule": {"cron": pattern(), "time_zone": random.choice(ZONES)}} for number in range(drills)]
    defaults = {"expected_minutes": 10, "start_within_minutes": 240}
    path.write_text(json.dumps({"machine": {"drills": 1000}, "defaults": defaults, "drills": each}))
    return each


def minute_and_hour():
    return f"{random.randrange(60)} {random.randrange(24)}"


def simulate(program, folder, name, pattern, drills):
    write(folder / "fleet.json", pattern, drills)
    before = time.monotonic()
    process = subprocess.Popen([program, "schedule", "simulate", "--fleet", "fleet.json", "--format", "json",
                                "--from", "2026-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z"],
                               cwd=folder, stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, _, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - before
    slots = json.loads(out)["slots"]
    print(f"simulate, {drills} drills, {name}, a year: {slots} slots in {seconds:.1f} s, {used.ru_maxrss / 1024:.0f} MiB")


def daemon(program, folder, drills, minutes):
    shutil.copytree(HERE / "data/dr", folder / "dr")
    manifest = json.loads((folder / "dr/manifest.json").read_text())
    manifest["policies"] = {"max_rpo_minutes": 1e9}
    (folder / "dr/manifest.json").write_text(json.dumps(manifest))
    # None of the many is due in the months around this one.
    month = (datetime.datetime.now(datetime.timezone.utc).month + 5) % 12 + 1
    write(folder / "fleet.json", lambda: f"{minute_and_hour()} {random.randrange(1, 29)} {month} *", drills)
    fleet = json.loads((folder / "fleet.json").read_text())
    fleet["drills"].append({"name": "due", "manifest": "dr/manifest.json", "schedule": {"cron": "* * * * *"}})
    (folder / "fleet.json").write_text(json.dumps(fleet))
    process = subprocess.Popen([program, "schedule", "daemon", "--fleet", "fleet.json"], cwd=folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    process.stderr.readline()  # It keeps the calendar.
    time.sleep(15)
    stat = Path(f"/proc/{process.pid}/stat")
    ticks = os.sysconf("SC_CLK_TCK")

    def used():
        fields = stat.read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks
    before, began = used(), time.monotonic()
    time.sleep(60 * minutes)
    share = (used() - before) / (time.monotonic() - began)
    memory = [line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmRSS" in line]
    process.send_signal(signal.SIGTERM)
    process.wait()
    out = subprocess.run([program, "history", "list", "--name", "due", "--format", "json"], cwd=folder,
                         capture_output=True, text=True, check=True).stdout
    late = []
    for drill in json.loads(out)["drills"]:
        due, began = (datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
                      for text in (drill["slot"]["due_at"], drill["started_at"]))
        late.append((began - due).total_seconds())
    print(f"daemon, {drills} drills: {share * 100:.2f} % of a core (with a drill a minute), "
          f"{memory[0].split(':')[1].strip()}; {len(late)} drills began {min(late):.2f} to {max(late):.2f} s after "
          f"they were due")


def main():
    program = str(Path(sys.argv[1]).resolve())
    drills = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 2
    random.seed(1)
    folder = Path(tempfile.mkdtemp(prefix="calendar-"))
    try:
        simulate(program, folder, "weekly", lambda: f"{minute_and_hour()} * * {random.randrange(7)}", drills)
        simulate(program, folder, "daily", lambda: f"{minute_and_hour()} * * *", drills)
        daemon(program, folder, drills, minutes)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
