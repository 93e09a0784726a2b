#!/usr/bin/env python3
"""Drills of a PostgreSQL dump of about 1 GB, side by side with PostgreSQL's own programs on the same machine.

Prints the restore of the drill over a bare `pg_restore` with the best flags on a server with the same settings, and
the whole drill over `createdb`, `psql < dump.sql` and the same checks run one by one. Needs PostgreSQL's programs with
pgbench; the servers listen on a socket in a temporary directory only.
With PARTITIONS the one large table is so many, which several processes can share.
Usage: benches/postgres.py DR_DRILL [SCALE] [PARTITIONS]
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

binary = pathlib.Path(sys.argv[1]).resolve()
scale, partitions = (sys.argv[2:] + ["68", "0"][len(sys.argv) - 2:])[:2]
programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
home = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
home.chmod(0o755)
as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
if as_nobody:
    shutil.chown(home, "nobody")
CHECKS = [
    "SELECT count(*) FROM pgbench_accounts",
    "SELECT sum(abalance) FROM pgbench_accounts",
    "SELECT count(*) FROM pgbench_accounts a WHERE NOT EXISTS (SELECT 1 FROM pgbench_branches b WHERE b.bid = a.bid)",
]


def run(program, *arguments, **options):
    command = [*as_nobody, str(programs / program), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=home, **options).stdout


class Server:
    def __init__(self, name, *settings):
        self.data, self.socket = home / name, home / f"{name}.s"
        run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
        self.socket.mkdir()
        if as_nobody:
            shutil.chown(self.socket, "nobody")
        flags = [flag for setting in settings for flag in ("-c", setting)]
        command = [*as_nobody, str(programs / "postgres"), "-D", str(self.data), "-k", str(self.socket), "-h", "", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.address = ["-h", self.socket, "-U", "postgres"]
        for _ in range(300):
            status = self.data / "postmaster.pid"
            if status.exists() and "ready" in status.read_text():
                return
            time.sleep(0.05)
        raise SystemExit("the server did not start")

    def stop(self):
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), 3)
        self.process.wait()
        shutil.rmtree(self.data)
        shutil.rmtree(self.socket)


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare(settings):
    server = Server("bare", *settings)
    run("createdb", *server.address, "bench")
    try:
        return timed(lambda: run("pg_restore", *server.address, "-j", "2", "-d", "bench", dump))
    finally:
        server.stop()


def by_hand():
    server = Server("hand")

    def work():
        run("createdb", *server.address, "bench")
        run("psql", *server.address, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "bench", "-f", plain)
        run("pg_amcheck", *server.address, "-d", "bench", "--install-missing", "--heapallindexed")
        for sql in CHECKS:
            run("psql", *server.address, "-X", "-At", "-d", "bench", "-c", sql)

    try:
        return timed(work)
    finally:
        server.stop()


def drill(profile):
    manifest = json.loads((home / "m.json").read_text())
    manifest["restore"] = {"driver": "postgres", "jobs": 2, "output_dir": "o"}
    manifest["instance"] = {"profile": profile}
    manifest["checks"] = [{"check": "integrity"}] + [
        {"check": "query", "sql": sql, "expected": answer} for sql, answer in zip(CHECKS, answers)]
    (home / "m.json").write_text(json.dumps(manifest))
    evidence = home / f"evidence-{profile}"
    shutil.rmtree(evidence, ignore_errors=True)
    command = [binary, "run", "--manifest", "m.json", "--root", ".", "--output", evidence / "dr-report.json",
               "--ndjson", evidence / "dr-events.ndjson", "--evidence-dir", evidence, "--quiet"]
    seconds = timed(lambda: subprocess.run(command, check=True, cwd=home))
    steps = {step["step"]: step["duration_seconds"] for step in json.loads((evidence / "dr-report.json").read_text())["steps"]}
    return steps["restore_artifact"], seconds


dump, plain = home / "bench.dump", home / "bench.sql"
try:
    source = Server("source", "fsync=off", "max_wal_size=8GB")
    run("createdb", *source.address, "bench")
    run("pgbench", "-i", "-q", f"--partitions={partitions}", "-s", scale, *source.address, "bench")
    run("psql", *source.address, "-d", "bench", "-c", "UPDATE pgbench_accounts SET abalance = aid % 1000, filler = md5(aid::text)")
    answers = [run("psql", *source.address, "-X", "-At", "-d", "bench", "-c", sql).strip() for sql in CHECKS]
    size = run("psql", *source.address, "-X", "-At", "-d", "bench", "-c", "SELECT pg_database_size('bench') / 1000000").strip()
    run("pg_dump", *source.address, "-Fc", "-f", dump, "bench")
    run("pg_dump", *source.address, "-f", plain, "bench")
    source.stop()
    subprocess.run([binary, "init", "bench.dump", "--manifest", "m.json", "--root", "."], check=True, cwd=home, capture_output=True)
    print(f"database of {size} MB, archive of {dump.stat().st_size // 1000000} MB, SQL of {plain.stat().st_size // 1000000} MB")
    drill("durable")
    ours, theirs = [], []
    for _ in range(3):
        ours.append(drill("durable")[0])
        theirs.append(bare([]))
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(f"restore, server's defaults: {ours:.2f} s; bare pg_restore -j 2: {theirs:.2f} s; {ours / theirs:.2f} of it")
    hand = statistics.median(by_hand() for _ in range(3))
    for profile in ["durable", "fast"]:
        whole = statistics.median(drill(profile)[1] for _ in range(3))
        print(f"whole drill, {profile}: {whole:.2f} s; createdb, psql and the checks by hand: {hand:.2f} s; {hand / whole:.2f} times as fast")
finally:
    for server in home.glob("*/postmaster.pid"):
        os.kill(int(server.read_text().split()[0]), 3)
    shutil.rmtree(home, ignore_errors=True)
