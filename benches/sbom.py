#!/usr/bin/env python3
"""Measures `dr-drill check sbom` against ajv (compiled) and Python's jsonschema on one large CycloneDX
document, side by side, and prints ratios. Nothing is asserted.

All three hold the same document against the same schema; dr-drill also makes its own checks, and is
measured as a whole process. The others are measured without their start: reading, compiling and
parsing are left out for ajv and jsonschema, which is in their favour. Whoever has not ended in time is
stopped: the ratio is then a lower bound. Usage: sbom.py DR_DRILL [--quick]
"""
import gzip
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

binary = str(pathlib.Path(sys.argv[1]).resolve())
quick = "--quick" in sys.argv
here = pathlib.Path(__file__).resolve().parent
schemas = here.parent / "data" / "sbom-schemas"
count, patience = (5_000, 30) if quick else (100_000, 150)

AJV = """
const fs = require('fs'), Ajv = require('ajv'), formats = require('ajv-formats');
const [schema, spdx, jsf, crypto, file] = process.argv.slice(2).map(f => JSON.parse(fs.readFileSync(f)));
const ajv = new Ajv({strict: false, allErrors: false});
formats(ajv);
for (const name of ['iri-reference', 'idn-email']) ajv.addFormat(name, true);
for (const [name, other] of [['spdx', spdx], ['jsf-0.82', jsf], ['cryptography-defs', crypto]])
  ajv.addSchema(other, `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
delete schema.$id; schema.$id = 'http://cyclonedx.org/schema/bom.json';
for (const other of [spdx, jsf, crypto]) delete other.$id;
const validate = ajv.compile(schema);
const start = process.hrtime.bigint();
if (!validate(file)) { console.error(validate.errors[0]); process.exit(3); }
console.log(Number(process.hrtime.bigint() - start) / 1e9);
"""
PYTHON = """
import json, sys, time
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
names = ["spdx", "jsf-0.82", "cryptography-defs"]
schema, *others, document = [json.load(open(name)) for name in sys.argv[1:]]
base = schema["$id"].rsplit("/", 1)[0]
pairs = [(f"{base}/{name}.SNAPSHOT.schema.json", Resource(other, DRAFT7)) for name, other in zip(names, others)]
validator = Draft7Validator(schema, registry=Registry().with_resources(pairs))
start = time.perf_counter()
assert validator.is_valid(document)
print(time.perf_counter() - start)
"""


def document(path):
    components = [{
        "type": "library", "bom-ref": f"pkg:npm/%40scope/component-{i}@1.{i % 100}.{i % 10}", "group": "@scope",
        "name": f"component-{i}", "version": f"1.{i % 100}.{i % 10}",
        "description": f"Component number {i} of a very large application, with words",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(str(i).encode()).hexdigest()}],
        "licenses": [{"license": {"id": ["MIT", "Apache-2.0", "BSD-3-Clause"][i % 3]}}],
        "purl": f"pkg:npm/%40scope/component-{i}@1.{i % 100}.{i % 10}",
        "externalReferences": [{"type": "website", "url": f"https://example.org/component-{i}"}],
    } for i in range(count)]
    dependencies = [{"ref": c["bom-ref"], "dependsOn": [components[(i * 7 + 2) % count]["bom-ref"]]}
                    for i, c in enumerate(components)]
    path.write_text(json.dumps({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "metadata": {"timestamp": "2026-11-20T08:00:00Z"},
        "components": components, "dependencies": dependencies}, separators=(",", ":")))


def others(name, command):
    """Seconds that another validator says it took; what it was given, if it did not end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired:
        return patience, False
    assert done.returncode == 0, (name, done.stderr[-2000:])
    return float(done.stdout), True


base = pathlib.Path(tempfile.mkdtemp(prefix="dr-drill-bench-", dir=here.parent / "target"))
try:
    files = []
    for name in ["bom-1.6", "spdx", "jsf-0.82", "cryptography-defs"]:
        files.append(base / f"{name}.json")
        files[-1].write_bytes(gzip.decompress((schemas / f"{name}.json.gz").read_bytes()))
    large = base / "large.cdx.json"
    document(large)
    size = large.stat().st_size
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(base),
                    "ajv@8", "ajv-formats@3"], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(base / "venv")], check=True)
    subprocess.run([str(base / "venv/bin/pip"), "install", "-q", "jsonschema"], check=True)
    (base / "ajv.js").write_text(AJV)
    (base / "validate.py").write_text(PYTHON)
    arguments = [str(file) for file in [*files, large]]
    runs = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([binary, "check", "sbom", str(large)], check=True, stdout=subprocess.DEVNULL)
        runs.append(time.perf_counter() - start)
    ours = sorted(runs)[1]
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    peak = int(subprocess.run([sys.executable, "-c", code, binary, "check", "sbom", str(large)],
                              capture_output=True, text=True).stdout)
    print(f"SBOM of {count} components, {size / 1e6:.0f} MB: {ours:.2f} s, peak memory {peak * 1024 / size:.1f} times "
          "the file", flush=True)
    for name, command in [("ajv", ["node", "--max-old-space-size=8192", str(base / "ajv.js"), *arguments]),
                          ("jsonschema (Python)", [str(base / "venv/bin/python"), str(base / "validate.py"), *arguments])]:
        seconds, ended = others(name, command)
        more = "" if ended else "more than "
        print(f"  {name}: {more}{seconds:.1f} s: {more}{seconds / ours:.0f} times as long", flush=True)
finally:
    shutil.rmtree(base)
