#!/usr/bin/env python3
"""A calendar that several machines work, over a PostgreSQL server that is started for it: how fast workers drain a day's
drills, and what is left when workers, whoever keeps the calendar, or the database are killed.

    scripts/team.py DR_DRILL drain [DRILLS] [WORKERS] [kill]
    scripts/team.py DR_DRILL kills [KILLS] [SEED]

`drain`: so many short drills are due at once; with `kill` one worker is killed each second, and started again. `kills`: a clock
goes on by ten minutes a round, and each round kills a worker, one or both of those that want to keep the calendar, or the
database. At the end every slot has to be recorded once, the chain to be whole, and nothing that was started to be left.
"""
import collections
import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
START = datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.timezone.utc)
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
NOBODY = 65534


class Database:
    """A server of its own, on a socket."""

    def __init__(self, folder):
        self.programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.folder = folder
        folder.mkdir(mode=0o700)
        self.user = {}
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.run("initdb", "-D", folder / "data", "-U", "me", "--auth=trust", "-N")
        self.start()

    def run(self, program, *args):
        subprocess.run([self.programs / program, *map(str, args)], check=True, **QUIET, **self.user)

    def start(self):
        options = f"-k {self.folder} -c listen_addresses= -c max_connections=300"
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")

    def url(self):
        return "postgres://me@" + str(self.folder).replace("/", "%2F") + "/postgres"

    def ask(self, question):
        command = [self.programs / "psql", "-h", str(self.folder), "-U", "me", "-d", "postgres", "-Atc", question]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Team:
    def __init__(self, program, drills, places):
        self.program = str(Path(program).resolve())
        self.folder = Path(tempfile.mkdtemp(prefix="team-"))
        os.chmod(self.folder, 0o711)
        (self.folder / "tmp").mkdir(mode=0o711)
        self.database = Database(self.folder / "pg")
        self.environment = {"PATH": os.environ["PATH"], "TMPDIR": str(self.folder / "tmp"),
                            "XDG_CACHE_HOME": str(self.folder / "cache"), "DB": self.database.url()}
        shutil.copytree(HERE / "data/dr", self.folder / "dr")
        manifest = json.loads((self.folder / "dr/manifest.json").read_text())
        manifest["policies"] = {"max_rpo_minutes": 1e9}
        (self.folder / "dr/manifest.json").write_text(json.dumps(manifest))
        self.names = [f"drill-{number}" for number in range(drills)]
        fleet = {"machine": {"drills": places},
                 "drills": [{"name": name, "manifest": "dr/manifest.json"} for name in self.names],
                 "defaults": {"cron": "*/10 * * * *", "start_within_minutes": 9, "retries": {"max": 20, "backoff_minutes": 0.01}}}
        (self.folder / "fleet.json").write_text(json.dumps(fleet))
        self.started = 0

    def begin(self, *args):
        return subprocess.Popen([self.program, *args], cwd=self.folder, env=self.environment, start_new_session=True, **QUIET)

    def worker(self, places=2):
        self.started += 1
        return self.begin("worker", "--fleet", "fleet.json", "--database-url-env", "DB", "--places", str(places),
                          "--history", f"worker-{self.started % 4}", "--lost-after", "3")

    def keeper(self, now, history="keeper"):
        return self.begin("schedule", "run-due", "--fleet", "fleet.json", "--database-url-env", "DB",
                          "--history", history, "--current-time", now.isoformat())

    def ask(self, *args):
        return subprocess.run([self.program, *args], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, check=False)

    def end(self, processes):
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)

    def count(self, slots):
        """What became of each slot, in a copy of the history that is fetched for it."""
        last = self.keeper(START, "audit")
        last.wait(600)
        ledger = json.loads(self.ask("schedule", "ledger", "--history", "audit", "--format", "json").stdout)
        seen = collections.Counter((slot["drill"], slot["due_at"]) for slot in ledger["ended"])
        print(f"slots: {len(slots)} wanted, {len(seen)} recorded, {sum(slot not in seen for slot in slots)} lost, "
              f"{sum(count > 1 for count in seen.values())} twice")
        words = collections.Counter(slot.get("verdict") or slot.get("cause") for slot in ledger["ended"])
        print("  ended:", ", ".join(f"{word} {count}" for word, count in sorted(words.items())))
        again = self.database.ask("SELECT count(*) FROM dr_drill.attempt WHERE fence > 1")
        print(f"  orders that another worker took over: {again}")
        verified = self.ask("history", "verify", "--history", "audit")
        print("  history:", verified.stdout.splitlines()[0] if verified.stdout else verified.stderr)
        self.ask("gc")
        left = list((self.folder / "tmp").iterdir())
        running = subprocess.run(["pgrep", "-c", "-f", str(self.folder / "tmp")], capture_output=True, text=True, check=False)
        print(f"  left after gc: {len(left)} directories, {running.stdout.strip()} processes")
        return not (set(slots) - set(seen)) and all(count == 1 for count in seen.values()) and verified.returncode == 0

    def close(self):
        self.database.stop()
        shutil.rmtree(self.folder)


def written(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def drain(program, drills=10_000, workers=4, kill=False):
    team = Team(program, drills, places=workers * 4)
    team.keeper(START - datetime.timedelta(minutes=5)).wait()
    crew = [team.worker() for _ in range(workers)]
    time.sleep(2)
    began = time.monotonic()
    keeper = team.keeper(START)
    killed = 0
    while keeper.poll() is None:
        time.sleep(1)
        if kill:
            one = random.randrange(len(crew))
            crew[one].kill()
            crew[one].wait()
            crew[one] = team.worker()
            killed += 1
    seconds = time.monotonic() - began
    print(f"{drills} drills, {workers} worker(s) of 2 places, {killed} killed: {seconds:.1f} s, {drills / seconds:.1f} a second")
    team.end(crew)
    whole = team.count([(name, written(START)) for name in team.names])
    team.close()
    return whole


def kills(program, wanted=1000, seed=1):
    random.seed(seed)
    team = Team(program, 3, places=3)
    now = START
    team.keeper(now - datetime.timedelta(minutes=5)).wait()
    crew = [team.worker(1) for _ in range(2)]
    done = collections.Counter()
    slots = []
    while sum(done.values()) < wanted:
        slots += [(name, written(now)) for name in team.names]
        keepers = [team.keeper(now + datetime.timedelta(seconds=30), f"keeper-{one}") for one in range(random.choice([1, 2]))]
        time.sleep(random.random() * random.choice([0.1, 0.5, 2]))
        what = random.choices(["worker", "keeper", "database"], [4, 5, 1])[0]
        if what == "worker":
            one = random.randrange(len(crew))
            crew[one].kill()
            crew[one].wait()
            crew[one] = team.worker(1)
            done[what] += 1
        if what == "database":
            team.database.stop()
            time.sleep(random.random())
            team.database.start()
            done[what] += 1
        for keeper in keepers:
            if what == "keeper" and keeper.poll() is None:
                keeper.kill()
                done[what] += 1
            try:
                keeper.wait(random.choice([0, 3, 60]))
            except subprocess.TimeoutExpired:
                keeper.kill()
                done["keeper"] += 1
            keeper.wait()
        now += datetime.timedelta(minutes=10)
    # In peace: what was cut off is settled.
    for minutes in (5, 15, 25):
        team.keeper(now + datetime.timedelta(minutes=minutes)).wait(600)
    print(f"killed: {', '.join(f'{what} {count}' for what, count in sorted(done.items()))}")
    team.end(crew)
    whole = team.count(slots)
    team.close()
    return whole


def main():
    program, what, *rest = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if what == "drain":
        numbers = [int(number) for number in rest if number.isdigit()]
        whole = drain(program, *numbers, kill="kill" in rest)
    else:
        whole = kills(program, *map(int, rest))
    print("all is well" if whole else "NOT WELL")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
