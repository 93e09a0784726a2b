#!/usr/bin/python3
"""Opens pages in Chromium, narrow and wide, light and dark, and says what is wrong with each, as JSON.

usage: browse.py AXE_JS PICTURES PAGE...

For each page: what the console complained of, what axe found, whether it is wider than its window, and a picture
PICTURES/NAME-WIDTH-SCHEME.png.
"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

WIDTHS, SCHEMES = (360, 1440), ("light", "dark")


class Browser:
    """A Chromium of its own, driven over a port of the loopback device that the driver chooses."""

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory()
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if port := re.search(r"started successfully on port (\d+)", line):
                self.address = f"http://127.0.0.1:{port[1]}"
                break
        arguments = ["--headless=new", "--hide-scrollbars", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--user-data-dir={self.profile.name}"]
        if os.getuid() == 0:
            arguments.append("--no-sandbox")
        wanted = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = ""
        self.session = "/session/" + self.ask("/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        return self

    def __exit__(self, *_):
        try:
            self.ask("", None, "DELETE")
        finally:
            self.driver.terminate()
            self.driver.wait(20)
            self.profile.cleanup()

    def ask(self, path, body, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + self.session + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def command(self, name, **parameters):
        return self.ask("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def run(self, script):
        return self.ask("/execute/async", {"script": script, "args": []})


def look(browser, axe, page, width, scheme, pictures):
    browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    browser.ask("/url", {"url": "file://" + os.path.abspath(page)})
    console = [entry["message"] for entry in browser.ask("/se/log", {"type": "browser"})]
    found = browser.run(axe + "; const done = arguments[arguments.length - 1];"
                        "axe.run().then(found => done({violations: found.violations, passes: found.passes.length}))")
    wide = browser.run("arguments[0](document.documentElement.scrollWidth > document.documentElement.clientWidth)")
    name = f"{os.path.splitext(os.path.basename(page))[0]}-{width}-{scheme}"
    picture = browser.command("Page.captureScreenshot", captureBeyondViewport=False)["data"]
    with open(os.path.join(pictures, name + ".png"), "wb") as out:
        out.write(base64.b64decode(picture))
    violations = [f"{one['id']}: {node['target'][0]}: {node['failureSummary'].splitlines()[-1].strip()}"
                  for one in found["violations"] for node in one["nodes"]]
    return {"page": name, "console": console, "violations": violations, "held": found["passes"], "too_wide": wide}


def main():
    axe, pictures, *pages = sys.argv[1:]
    with open(axe, encoding="utf-8") as script, Browser() as browser:
        axe = script.read()
        found = [look(browser, axe, page, width, scheme, pictures)
                 for page in pages for width in WIDTHS for scheme in SCHEMES]
    json.dump(found, sys.stdout, indent=1)


main()
