#!/usr/bin/env python3
"""A lab for failovers, on loopback: two servers of PostgreSQL, HAProxy before them, BIND beside them.

  scripts/failover.py up DIR               starts it, writes DIR/failover.yaml (a to b) and DIR/back.yaml (b to a), prints its ports
  scripts/failover.py down DIR             ends what it started, by process id
  scripts/failover.py state DIR            prints who takes writes and who follows
  scripts/failover.py kills DR_DRILL N S   kills N failovers at random moments (seed S), lets each be resumed or rolled back,
                                           and writes to both servers afterwards: exactly one may take it
  scripts/failover.py sql DIR NAME SQL     runs a statement on one of the servers
  scripts/failover.py crash DIR NAME       lets a server write on without its standby for a while, and kills it
  scripts/failover.py salvage DIR NAME     prints the markers that a server held which does not run, from a copy of its files
  scripts/failover.py observe DIR          asks and writes through HAProxy as somebody else would, until its input ends, and
                                           prints what it saw
"""
import json, os, pathlib, random, secrets, shutil, signal, socket, subprocess, sys, tempfile, threading, time

BIN = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
ROOT = os.geteuid() == 0
os.environ["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
VIA = [shutil.which("runuser"), "-u", "postgres", "--"] if ROOT else []


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def run(*words, check=True, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, **more)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def conninfo(port, extra=""):
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=2{extra}"


def sql(port, statement, timeout=10):
    try:
        done = subprocess.run([BIN / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", conninfo(port), "-c", statement],
                              capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def configure(data, port):
    with open(data / "postgresql.conf", "a") as conf:
        conf.write(f"""
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
wal_log_hints = on
wal_keep_size = 256MB
fsync = off
shared_buffers = 16MB
max_connections = 50
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 100ms
log_min_messages = warning
""")


def up(place):
    place = pathlib.Path(place).absolute()
    place.mkdir(parents=True, exist_ok=True)
    os.chmod(place, 0o755)
    ports = {name: free_port() for name in ["a", "b", "front", "dns"]}
    servers = place / "servers"
    servers.mkdir()
    if ROOT:
        shutil.chown(servers, "postgres", "postgres")
    a, b = servers / "a", servers / "b"
    run(*VIA, BIN / "initdb", "-D", a, "-U", "postgres", "-A", "trust", "-N", "--locale=C.UTF-8")
    configure(a, ports["a"])
    run(*VIA, BIN / "pg_ctl", "start", "-D", a, "-w", "-l", servers / "a.log")
    sql(ports["a"], "CREATE TABLE probe (at timestamptz DEFAULT now()); CREATE TABLE marker (m text PRIMARY KEY); "
                    "CREATE TABLE observed (n bigint PRIMARY KEY)")
    run(*VIA, BIN / "pg_basebackup", "-D", b, "-d", conninfo(ports["a"]), "-R", "-X", "stream", "-c", "fast")
    configure(b, ports["b"])
    run(*VIA, BIN / "pg_ctl", "start", "-D", b, "-w", "-l", servers / "b.log")
    (place / "haproxy.cfg").write_text(f"""global
  stats socket {place}/haproxy.sock mode 600 level admin
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  retries 0
frontend db
  bind 127.0.0.1:{ports['front']}
  default_backend db
backend db
  option redispatch 0
  server a 127.0.0.1:{ports['a']} check inter 100ms rise 1 fall 2 on-marked-down shutdown-sessions
  server b 127.0.0.1:{ports['b']} check inter 100ms rise 1 fall 2 on-marked-down shutdown-sessions disabled
""")
    proxy = subprocess.Popen(["haproxy", "-db", "-f", place / "haproxy.cfg"], stdout=subprocess.DEVNULL,
                             stderr=open(place / "haproxy.log", "w"), start_new_session=True)
    key = __import__("base64").b64encode(secrets.token_bytes(32)).decode()
    zone = place / "zone"
    zone.mkdir()
    (zone / "example.test").write_text("""$TTL 60
@ SOA ns.example.test. root.example.test. 1 60 60 600 60
@ NS ns.example.test.
ns A 127.0.0.1
db A 127.0.0.2
""")
    (place / "named.conf").write_text(f"""options {{ directory "{zone}"; listen-on port {ports['dns']} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file "{place}/named.pid"; session-keyfile "{place}/session.key"; }};
controls {{ }};
key "failover" {{ algorithm hmac-sha256; secret "{key}"; }};
zone "example.test" {{ type primary; file "example.test"; allow-update {{ key "failover"; }}; }};
""")
    named = subprocess.Popen(["named", "-g", "-c", place / "named.conf"], stdout=subprocess.DEVNULL,
                             stderr=open(place / "named.log", "w"), start_new_session=True)
    lab = {"ports": ports, "key": key, "bin": str(BIN), "via": VIA, "pids": {"haproxy": proxy.pid, "named": named.pid}}
    (place / "lab.json").write_text(json.dumps(lab))
    write_files(place, lab)
    for _ in range(200):
        ready = sql(ports["front"], "SELECT 1") == "1" and sql(ports["b"], "SELECT 1") == "1" and listens(ports["dns"])
        if ready and sql(ports["a"], "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1":
            print(json.dumps(lab))
            return
        time.sleep(0.1)
    down(place)
    sys.exit("the lab did not get ready")


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def write_files(place, lab):
    ports = lab["ports"]
    def node(name):
        return {"conninfo": conninfo(ports[name]), "data_directory": str(place / "servers" / name),
                "bin_directory": lab["bin"], "via": lab["via"]}
    addresses = {"a": "127.0.0.2", "b": "127.0.0.3"}
    for file, one, other in [("failover.yaml", "a", "b"), ("back.yaml", "b", "a")]:
        front = conninfo(ports["front"])
        exercise = {
            "exercise": "failover", "name": "shop", "production": False, "mode": "planned", "max_duration_seconds": 120,
            "probe": {"request": {"sql": "INSERT INTO probe DEFAULT VALUES", "conninfo": front, "timeout_seconds": 1},
                      "every_milliseconds": 100},
            "marker": {"write": {"sql": "INSERT INTO marker VALUES ('{marker}')", "conninfo": front, "timeout_seconds": 1},
                       "read": {"sql": "SELECT m FROM marker", "conninfo": front}, "every_milliseconds": 100},
            "components": [
                {"name": "database", "postgres": {"from": node(one), "to": node(other), "timeout_seconds": 30}},
                {"name": "traffic", "depends_on": ["database"],
                 "haproxy": {"socket": str(place / "haproxy.sock"), "backend": "db", "from": one, "to": other}},
                {"name": "address", "depends_on": ["traffic"],
                 "dns": {"server": f"127.0.0.1:{ports['dns']}", "zone": "example.test.", "name": "db.example.test.",
                         "from": addresses[one], "to": addresses[other], "ttl_seconds": 5, "key_name": "failover",
                         "key_env": "FAILOVER_KEY"}},
            ],
            "policies": {"max_rto_seconds": 30, "max_rpo_minutes": 1},
        }
        # JSON is YAML.
        (place / file).write_text(json.dumps(exercise, indent=1))
        # Without a word: the primary is killed before, and has to be rewound.
        crashed = json.loads(json.dumps(exercise)) | {"mode": "unplanned"}
        crashed["components"][0]["postgres"]["rejoin"] = True
        (place / f"crashed-{one}.json").write_text(json.dumps(crashed, indent=1))
        if one == "a":
            crash = {"name": "disaster", "execute": {"command": [sys.executable, os.path.abspath(__file__), "crash", str(place), "a"]},
                     "verify": {"command": ["sh", "-c", f"! kill -0 $(head -n 1 {place}/servers/a/postmaster.pid) 2>/dev/null"]},
                     "rollback": {"command": ["true"]}}
            (place / "unplanned.yaml").write_text(json.dumps(
                exercise | {"mode": "unplanned", "components": [crash, *exercise["components"]]}, indent=1))


def down(place):
    place = pathlib.Path(place).absolute()
    lab = json.loads((place / "lab.json").read_text())
    for name in ["a", "b"]:
        run(*VIA, BIN / "pg_ctl", "stop", "-D", place / "servers" / name, "-m", "immediate", check=False)
    for pid in lab["pids"].values():
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass


def state(place):
    """Who takes writes, and who follows whom, found out by writing."""
    lab = json.loads((pathlib.Path(place) / "lab.json").read_text())
    found = {}
    for name in ["a", "b"]:
        port = lab["ports"][name]
        if sql(port, "INSERT INTO probe DEFAULT VALUES RETURNING 1") == "1":
            found[name] = "primary"
        elif sql(port, "SELECT pg_is_in_recovery()") == "t":
            found[name] = "standby"
        else:
            found[name] = "stopped"
    return found


def crash(place, name, wait=1):
    """Stops what sends to the standby, so that what is promised meanwhile is nowhere else, and then the whole server."""
    place = pathlib.Path(place)
    lab = json.loads((place / "lab.json").read_text())
    sender = int(sql(lab["ports"][name], "SELECT pid FROM pg_stat_replication"))
    os.kill(sender, signal.SIGSTOP)
    sql(lab["ports"][name], "INSERT INTO probe DEFAULT VALUES")
    time.sleep(wait)
    postmaster = int((place / "servers" / name / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)
    children = run("ps", "-o", "pid=", "--ppid", postmaster, check=False).stdout.split()
    for pid in [postmaster, *map(int, children)]:
        os.kill(pid, signal.SIGKILL)
    for _ in range(100):
        if not pathlib.Path(f"/proc/{postmaster}").exists():
            return
        time.sleep(0.02)


def salvage(place, name):
    place = pathlib.Path(place)
    copy, port = place / "servers" / f"{name}-salvaged", free_port()
    run("cp", "-a", place / "servers" / name, copy)
    for file in ["postmaster.pid", "standby.signal"]:
        (copy / file).unlink(missing_ok=True)
    run(*VIA, BIN / "pg_ctl", "start", "-D", copy, "-w", "-o", f"-p {port}", "-l", place / "servers" / "salvaged.log")
    found = sql(port, "SELECT m FROM marker")
    run(*VIA, BIN / "pg_ctl", "stop", "-D", copy, "-m", "immediate")
    return found


class Observer:
    """Somebody else who uses the service: asks each 100 ms, and writes numbers."""

    def __init__(self, port, every=0.1):
        self.port, self.every, self.seen, self.stopped = port, every, [], False
        self.base = int(time.time()) * 100_000
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        number = 0
        while not self.stopped:
            began = time.time()
            number += 1
            ok = sql(self.port, f"INSERT INTO observed VALUES ({self.base + number})", timeout=1) is not None
            self.seen.append((number, began, time.time(), ok))
            time.sleep(max(0, began + self.every - time.time()))

    def stop(self):
        self.stopped = True
        self.thread.join()
        outages, away, slowest = [], None, max((ended - began for _, began, ended, _ in self.seen), default=0)
        for _, began, ended, ok in self.seen:
            if not ok and away is None:
                away = began
            elif ok and away is not None:
                outages.append(ended - away)
                away = None
        if away is not None:
            outages.append(self.seen[-1][2] - away)
        promised = {self.base + number for number, _, _, ok in self.seen if ok}
        found = {int(line) for line in (sql(self.port, "SELECT n FROM observed") or "").split()}
        return {"requests": len(self.seen), "downtime_seconds": round(sum(outages), 3), "outages": len(outages), "slowest": round(slowest, 3),
                "promised": len(promised), "lost": len(promised - found), "answers": bool(self.seen and self.seen[-1][3])}


def drill(binary, place, lab, *words):
    return subprocess.Popen([binary, "exercise", *words], cwd=place, env={"PATH": os.environ["PATH"], "HOME": str(place),
                            "FAILOVER_KEY": lab["key"]}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def kills(binary, count, seed):
    binary, chance = os.path.abspath(binary), random.Random(int(seed))
    place = pathlib.Path(tempfile.mkdtemp(prefix="dr-drill-failover-"))
    with open(os.devnull, "w") as nothing:
        stdout, sys.stdout = sys.stdout, nothing
        up(place)
        sys.stdout = stdout
    lab = json.loads((place / "lab.json").read_text())
    leader, killed, resumed, ended, crashes, took = "a", 0, 0, 0, 0, 2.0
    try:
        for turn in range(int(count)):
            file = "failover.yaml" if leader == "a" else "back.yaml"
            if chance.random() < 0.25:
                file, crashes = f"crashed-{leader}.json", crashes + 1
                crash(place, leader, 0)
            other = "b" if leader == "a" else "a"
            for folder in ["e", "e-rollback"]:
                shutil.rmtree(place / folder, ignore_errors=True)
            began = time.time()
            process = drill(binary, place, lab, "failover", file, "--evidence-dir", "e")
            try:
                process.communicate(timeout=chance.uniform(0, took))
                took = 0.9 * took + 0.1 * (time.time() - began)
                ended += 1
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
            log = place / "e" / "dr-events.ndjson"
            acted = log.exists() and '"action_started"' in log.read_text()
            sealed = (place / "e" / "SHA256SUMS").exists()
            wanted = other if process.returncode == 0 or sealed else leader
            if process.returncode == -signal.SIGKILL and acted and not sealed:
                back = chance.random() < 0.5
                resumed += not back
                # Whoever goes on may be killed, too.
                for again in range(4):
                    process = drill(binary, place, lab, "rollback" if back else "resume", file, "--evidence-dir", "e")
                    try:
                        said = process.communicate(timeout=None if again == 3 or chance.random() < 0.5 else chance.uniform(0, 4))
                        break
                    except subprocess.TimeoutExpired:
                        process.send_signal(signal.SIGKILL)
                        process.communicate()
                        killed += 1
                        if not back and (place / "e" / "SHA256SUMS").exists():
                            break
                report = json.loads((place / "e" / "dr-report.json").read_text())
                status = {step["step"]: step["status"] for step in report["steps"]}
                beside = place / "e-rollback" / "dr-report.json"
                if beside.exists():
                    # It had ended, and was taken back by a run of its own.
                    status = {step["step"]: step["status"] for step in json.loads(beside.read_text())["steps"]} | {"switch": None}
                if status["roll_back"] != "passed":
                    sys.exit(f"turn {turn}: the rollback did not pass: {report['reasons']}, in {place}")
                switched = status.get("switch") == "passed" and status["validate"] == "passed"
                wanted = other if switched and not back and "not needed" in json.dumps(report["steps"]) else leader
            elif process.returncode not in (0, -signal.SIGKILL):
                sys.exit(f"turn {turn}: ended with {process.returncode}, in {place}")
            if file.startswith("crashed") and wanted == leader and state(place)[leader] == "stopped":
                # Nothing had been begun: the primary that was killed is brought back by hand, as somebody would.
                run(*VIA, BIN / "pg_ctl", "start", "-D", place / "servers" / leader, "-w", "-l", place / "servers" / "again.log")
                for _ in range(100):
                    if sql(lab["ports"][leader], "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1":
                        break
                    time.sleep(0.1)
            found = state(place)
            if list(found.values()).count("primary") != 1 or found[wanted] != "primary":
                sys.exit(f"turn {turn}: {found}, {wanted} was to lead, in {place}")
            if "standby" not in found.values():
                sys.exit(f"turn {turn}: {found}: there is no standby, in {place}")
            marked = {name for name in "ab" if (place / "servers" / name / "standby.signal").exists()}
            if marked != {"a", "b"} - {wanted}:
                sys.exit(f"turn {turn}: {marked} would come up as standby, and {wanted} leads, in {place}")
            leader = wanted
            print(f"\r{turn + 1} of {count}: {killed} killed, {resumed} resumed, {ended} not reached", end="", flush=True)
        print(f"\n{count} failovers, {killed} processes killed, {ended} ended before, {crashes} after the primary was killed; each time exactly one took writes, and the other followed")
    finally:
        down(place)
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", place]:
            up(place)
        case ["down", place]:
            down(place)
        case ["state", place]:
            print(json.dumps(state(place)))
        case ["observe", place]:
            lab = json.loads((pathlib.Path(place) / "lab.json").read_text())
            observer = Observer(lab["ports"]["front"])
            sys.stdin.read()
            print(json.dumps(observer.stop()))
        case ["sql", place, name, statement]:
            print(sql(json.loads((pathlib.Path(place) / "lab.json").read_text())["ports"][name], statement))
        case ["crash", place, name]:
            crash(place, name)
        case ["salvage", place, name]:
            print(salvage(place, name))
        case ["kills", binary, count, seed]:
            kills(binary, count, seed)
        case _:
            sys.exit(__doc__)
