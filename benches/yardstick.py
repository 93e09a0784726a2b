#!/usr/bin/env python3
"""The steps of the sample drill in a small Python program, standard library alone.

The yardstick of `make bench`: the same files are read, checked and written, and made durable file by
file, as such a program does it. Usage: yardstick.py MANIFEST EVIDENCE_DIR
"""
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

manifest_path = pathlib.Path(sys.argv[1])
evidence = pathlib.Path(sys.argv[2])
shutil.rmtree(evidence, ignore_errors=True)
evidence.mkdir(parents=True)
events = open(evidence / "dr-events.ndjson", "w", encoding="utf-8")
steps = []


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def step(name, work):
    start = time.monotonic()
    notes = work()
    record = {"step": name, "started_at": now().isoformat(), "status": "passed",
              "seconds": time.monotonic() - start, "notes": notes}
    steps.append(record)
    events.write(json.dumps(record) + "\n")
    events.flush()
    os.fsync(events.fileno())


folder = manifest_path.parent
started = now()
manifest = {}
work_dir = evidence / "work"


def load():
    manifest.update(json.loads(manifest_path.read_text()))


def digest():
    found = sha256(folder / manifest["backup"]["path"])
    assert found == manifest["backup"]["sha256"]
    return found


def payload():
    services = json.loads((folder / manifest["backup"]["path"]).read_text())["services"]
    assert services and all(service["status"] == "ready" for service in services)
    return len(services)


def sbom():
    document = json.loads((folder / manifest["sbom"]["path"]).read_text())
    assert document["bomFormat"] == "CycloneDX" and document["components"]
    shutil.copy(folder / manifest["sbom"]["path"], evidence)


def provenance():
    statement = json.loads((folder / manifest["provenance"]["path"]).read_text())
    digests = [subject["digest"]["sha256"] for subject in statement["subject"]]
    assert manifest["backup"]["sha256"] in digests
    shutil.copy(folder / manifest["provenance"]["path"], evidence)


def restore():
    work_dir.mkdir()
    copy = evidence / "copy.json"
    shutil.copy(folder / manifest["backup"]["path"], copy)
    result = subprocess.run(
        [(folder / manifest["restore"]["script"]).resolve(), copy.resolve(), "", "", work_dir.resolve()],
        capture_output=True, timeout=60, check=True)
    write(evidence / "restore.log", result.stdout.decode())
    copy.unlink()


def validate():
    assert sha256(work_dir / "recovered-backup.json") == manifest["backup"]["sha256"]


def teardown():
    shutil.rmtree(work_dir)


def policies():
    captured = datetime.datetime.fromisoformat(manifest["backup"]["captured_at"].replace("Z", "+00:00"))
    return (started - captured).total_seconds() / 60


for name, work in [
    ("load_manifest", load), ("verify_backup_digest", digest), ("verify_backup_payload", payload),
    ("validate_sbom", sbom), ("validate_provenance", provenance), ("restore_artifact", restore),
    ("validate_restored_backup", validate), ("teardown_instance", teardown), ("enforce_policies", policies),
]:
    step(name, work)
events.close()
write(evidence / "manifest.json", manifest_path.read_text())
write(evidence / "manifest.sha256", sha256(manifest_path) + "  manifest.json\n")
write(evidence / "drill-metrics.json", json.dumps({"steps": steps}))
write(evidence / "dr-report.json", json.dumps({"status": "passed", "steps": steps, "started_at": started.isoformat()}))
sums = "".join(f"{sha256(path)}  {path.name}\n" for path in sorted(evidence.iterdir()))
write(evidence / "SHA256SUMS", sums)
