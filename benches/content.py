#!/usr/bin/env python3
"""The content checksum of a table of many rows: how fast, against count(*), and in how much memory of the server.

Prints rows per second of `dr-drill backup postgres` without its dump, and the most private memory that any process of
the server took meanwhile, beside that of count(*). Needs PostgreSQL's programs; the server listens on a socket in a
temporary directory only.
Usage: benches/content.py DR_DRILL [MILLIONS_OF_ROWS]
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

binary = pathlib.Path(sys.argv[1]).resolve()
millions = int(sys.argv[2]) if len(sys.argv) > 2 else 10
programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
home = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
home.chmod(0o755)
as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
if as_nobody:
    shutil.chown(home, "nobody")


def run(program, *arguments):
    command = [*as_nobody, str(programs / program), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=home).stdout


def anonymous_memory():
    """Most MiB that a process of the server holds for itself."""
    most = 0
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if lines["PPid"].strip() == str(server_pid()):
                most = max(most, int(lines["RssAnon"].split()[0]) // 1024)
        except (OSError, KeyError, ValueError):
            pass
    return most


def server_pid():
    return (home / "data" / "postmaster.pid").read_text().split()[0]


def watched(command):
    peak, over = [0], threading.Event()

    def watch():
        while not over.wait(0.02):
            peak[0] = max(peak[0], anonymous_memory())

    thread = threading.Thread(target=watch)
    thread.start()
    start = time.perf_counter()
    command()
    seconds = time.perf_counter() - start
    over.set()
    thread.join()
    return seconds, peak[0]


server = None
try:
    run("initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
    command = [*as_nobody, str(programs / "postgres"), "-D", str(home / "data"), "-k", str(home), "-h", "",
               "-c", "fsync=off", "-c", "max_wal_size=8GB"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        status = home / "data" / "postmaster.pid"
        if status.exists() and "ready" in status.read_text():
            break
        time.sleep(0.05)
    address = ["-h", home, "-U", "postgres"]
    run("createdb", *address, "bench")
    psql = ["psql", *address, "-X", "-At", "-d", "bench", "-c"]
    rows = millions * 1_000_000
    run(*psql, f"CREATE TABLE t AS SELECT n AS id, md5(n::text) AS text, n % 97 AS kind, now() AS at FROM generate_series(1, {rows}) n")
    run(*psql, "VACUUM ANALYZE t")
    counted, count_memory = watched(lambda: run(*psql, "SELECT count(*) FROM t"))
    dumped, _ = watched(lambda: run("pg_dump", *address, "-Fc", "-f", home / "bare.dump", "bench"))
    url = f"postgres://postgres@{str(home).replace('/', '%2F')}/bench"
    whole, memory = watched(lambda: subprocess.run(
        [binary, "backup", "postgres", "--database-url", url, "--out", home / "b"], check=True, capture_output=True))
    seconds = whole - dumped
    print(f"{millions} million rows: count(*) {counted:.2f} s; backup {whole:.1f} s, of which pg_dump alone takes "
          f"{dumped:.1f} s; the rest, with the checksum, {seconds:.1f} s: {rows / seconds / 1e6:.2f} million rows per second")
    print(f"most private memory of a server process: {memory} MiB, of count(*) {count_memory} MiB")
finally:
    if server:
        server.terminate()
        server.wait()
    shutil.rmtree(home, ignore_errors=True)
