#!/usr/bin/env python3
"""Holds the times of cron patterns against an independent implementation of Debian's rules (cronsim, from PyPI):
random patterns in random time zones, over five years with every change of the clock. Where the two differ, every day
of the five years is looked at one by one, by the rules as docs/schedule.md states them.

    scripts/cron.py DR_DRILL [PATTERNS] [SEED]
"""
import datetime
import json
import random
import subprocess
import sys
import tempfile
import zoneinfo
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "target/test-tools"))
from cronsim import CronSim  # noqa: E402, scripts/install-test-tools.sh puts it there

ZONES = ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata",
         "Africa/Casablanca", "Pacific/Auckland", "America/St_Johns", "Asia/Tehran", "UTC"]
FROM = datetime.datetime(2022, 1, 1, tzinfo=datetime.timezone.utc)
TO = datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc)
BATCH = 100


def field(low, high, names=None):
    """A random field of a pattern."""
    kind = random.random()
    value = random.randint(low, high)
    if kind < 0.35:
        return "*"
    if kind < 0.65:
        return str(value)
    if kind < 0.75:
        return f"*/{random.randint(2, high)}"
    if kind < 0.85:
        return ",".join(str(random.randint(low, high)) for _ in range(random.randint(2, 4)))
    end = random.randint(value, high)
    if end == value:
        return str(value)
    step = f"/{random.randint(1, 5)}" if random.random() < 0.4 else ""
    return f"{value}-{end}{step}"


def pattern():
    """A random pattern that is not due too often to compare five years of it."""
    minute = field(0, 59)
    hour = field(0, 23)
    if minute == "*" or "/" in minute or "-" in minute:
        # Around the hours at which clocks are changed.
        hour = random.choice(["1", "2", "3", "1-3", "2,3", "0"])
        day = random.choice([field(1, 28), "*/9"])
        return f"{minute} {hour} {day} {field(1, 12)} *"
    return f"{minute} {hour} {field(1, 31)} {field(1, 12)} {field(0, 7)}"


def theirs(expression, zone):
    """The instants by cronsim, in seconds since the Unix epoch."""
    found = []
    start = FROM.astimezone(zoneinfo.ZoneInfo(zone)) - datetime.timedelta(seconds=1)
    for at in CronSim(expression, start):
        if at >= TO:
            return found
        if at >= FROM:
            found.append(int(at.timestamp()))
    return found


def values(field, low, high):
    """The values that a field of a pattern names."""
    found = set()
    for part in field.split(","):
        part, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if part == "*" else part).partition("-")
        found.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def stated(expression, zone):
    """The instants by the rules as they are stated, from every face of the clock one by one."""
    zone = zoneinfo.ZoneInfo(zone)
    minute, hour, day, month, weekday = expression.split()
    passing = minute[0] == "*" or hour[0] == "*"
    minutes, hours = sorted(values(minute, 0, 59)), sorted(values(hour, 0, 23))
    days, months = values(day, 1, 31), values(month, 1, 12)
    weekdays = {number % 7 for number in values(weekday, 0, 7)}
    found = set()
    date = FROM.date() - datetime.timedelta(days=2)
    while date <= TO.date():
        date += datetime.timedelta(days=1)
        by_day, by_week = date.day in days, date.isoweekday() % 7 in weekdays
        both = day[0] == "*" or weekday[0] == "*"
        if date.month not in months or not (by_day and by_week if both else by_day or by_week):
            continue
        for at in (datetime.datetime.combine(date, datetime.time(h, m)) for h in hours for m in minutes):
            first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
            before, after = first.utcoffset(), second.utcoffset()
            if before == after:
                found.add(first.timestamp())
            elif before > after:
                found.add(first.timestamp())
                if passing:
                    found.add(second.timestamp())
            elif not passing:
                # Not on the clock: the moment of the change, the first at which the new offset holds.
                face = at.replace(tzinfo=datetime.timezone.utc).timestamp()
                low, high = int(face - after.total_seconds()) - 1, int(face - before.total_seconds()) + 1
                while high - low > 1:
                    middle = (low + high) // 2
                    moment = datetime.datetime.fromtimestamp(middle, zone)
                    low, high = (middle, high) if moment.utcoffset() == before else (low, middle)
                found.add(high)
    return sorted(int(at) for at in found if FROM.timestamp() <= at < TO.timestamp())


def ours(program, drills):
    """The instants by the tool, of each drill."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.json"
        each = [{"name": str(number), "manifest": "m", "schedule": {"cron": cron, "time_zone": zone}}
                for number, (cron, zone) in drills.items()]
        path.write_text(json.dumps({"drills": each}))
        before = (FROM - datetime.timedelta(seconds=1)).isoformat()
        until = (TO - datetime.timedelta(seconds=1)).isoformat()
        out = subprocess.run([program, "schedule", "next", "--fleet", str(path), "--from", before, "--until", until,
                              "--limit", "100000000"], capture_output=True, text=True, check=True).stdout
    found = {number: [] for number in drills}
    for line in out.splitlines():
        due, number = line[:24], int(line.rsplit("  ", 1)[1])
        found[number].append(int(datetime.datetime.fromisoformat(due.replace("Z", "+00:00")).timestamp()))
    return found


def main():
    program = sys.argv[1]
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    compared = instants = different = unstated = 0
    while compared < wanted:
        batch = {}
        expected = {}
        while len(batch) < min(BATCH, wanted - compared):
            expression, zone = pattern(), random.choice(ZONES)
            try:
                times = theirs(expression, zone)
            except Exception:  # a pattern that is never due
                continue
            if not times:
                continue
            number = len(batch)
            batch[number], expected[number] = (expression, zone), times
        found = ours(program, batch)
        for number, (expression, zone) in batch.items():
            instants += len(expected[number])
            if found[number] != expected[number]:
                different += 1
                expected[number] = stated(expression, zone)
            if found[number] != expected[number]:
                unstated += 1
                odd = sorted(set(found[number]) ^ set(expected[number]))[:3]
                odd = [datetime.datetime.fromtimestamp(at, zoneinfo.ZoneInfo(zone)).isoformat() for at in odd]
                print(f"not as stated: {expression!r} in {zone}: {len(found[number])} here, "
                      f"{len(expected[number])} there, first {odd}")
        compared += len(batch)
    print(f"{compared} patterns, {instants} instants of five years: {different} patterns differ from cronsim, "
          f"{unstated} of them from the rules as they are stated")
    return 1 if unstated else 0


if __name__ == "__main__":
    sys.exit(main())
