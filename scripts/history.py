#!/usr/bin/env python3
"""A long chain of drills, tampered with; and drills, packs and indexes that are killed at random moments.

usage: history.py DR_DRILL [DRILLS] [TRIALS] [KILLS]
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

dr_drill = os.path.abspath(sys.argv[1])
drills, trials, kills = (int(text) for text in (sys.argv[2:] + ["1000", "200", "500"][len(sys.argv) - 2:]))
sample = pathlib.Path("data/dr").resolve()
dice = random.Random(4711)


def call(*arguments):
    return subprocess.run([dr_drill, *map(str, arguments)], capture_output=True, text=True, timeout=600)


def drill(number):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1795165200 + number))
    return ["run", "--manifest", "data/dr/manifest.json", "--history", "dr-history", "--current-time", at, "--quiet"]


def packs():
    return sorted(pathlib.Path("dr-history/drills").glob("*/0*.tar.zst"))


def tampering():
    for number in range(drills):
        assert call(*drill(number)).returncode == 0, number
    call("keygen", "me")
    pathlib.Path("note").write_text(call("history", "checkpoint", "--signing-key", "me.key").stdout)
    verify = ["history", "verify", "--checkpoint", "note", "--checkpoint-key", "me.pub"]
    began = time.time()
    assert call(*verify).returncode == 0
    print(f"chain of {drills}: verified in {time.time() - began:.2f} s")
    everything, caught = packs(), {"dropped": 0, "swapped": 0, "replayed": 0}
    for trial in range(trials):
        what = list(caught)[trial % 3]
        one, other = dice.sample(everything, 2)
        before = one.read_bytes(), other.read_bytes()
        if what == "dropped":
            one.unlink()
        elif what == "swapped":
            one.write_bytes(before[1])
            other.write_bytes(before[0])
        else:
            one.write_bytes(before[1])
        found = call(*verify)
        caught[what] += found.returncode == 1
        one.write_bytes(before[0])
        other.write_bytes(before[1])
    assert call(*verify).returncode == 0
    for what, count in caught.items():
        of = len(range(list(caught).index(what), trials, 3))
        print(f"{what}: {count} of {of} caught")


def killing():
    shutil.rmtree("dr-history", ignore_errors=True)
    assert call(*drill(0)).returncode == 0
    jobs = {"drill": 0, "rebuild": 0, "pack": 0}
    bad, struck = [], 0
    number = 0
    while struck < kills:
        number += 1
        what = dice.choice(["drill", "drill", "drill", "rebuild", "pack"])
        command = {"drill": drill(number), "rebuild": ["history", "rebuild"],
                   "pack": ["evidence", "pack", "--out", f"pack-{number}.tar.zst"]}[what]
        process = subprocess.Popen([dr_drill, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        struck += process.wait() == -signal.SIGKILL
        jobs[what] += 1
        if os.path.exists("artifacts/dr/SHA256SUMS") and call("verify").returncode != 0:
            bad.append(f"{number}: a sealed directory that does not verify")
        made = pathlib.Path(f"pack-{number}.tar.zst")
        if made.exists() and call("verify", made).returncode != 0:
            bad.append(f"{number}: a pack that does not verify")
        made.unlink(missing_ok=True)
        if number % 50 == 0 or struck == kills:
            if call("history", "verify").returncode != 0:
                bad.append(f"{number}: a history that does not verify")
            told = call("history", "export", "--form", "ndjson").stdout
            if call("history", "rebuild").returncode != 0 or told != call("history", "export", "--form", "ndjson").stdout:
                bad.append(f"{number}: an index that was not what the packs say")
            if len(told.splitlines()) != len(packs()):
                bad.append(f"{number}: a pack that is not in the index")
    print(f"{number} started, {struck} killed before their end ({', '.join(f'{n} {w}' for w, n in jobs.items())}): {len(bad)} bad")
    print("\n".join(bad))
    return not bad


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    shutil.copytree(sample, "data/dr")
    if trials:
        tampering()
    sys.exit(0 if killing() else 1)
