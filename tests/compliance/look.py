"""Opens a page in a headless browser and tells, as JSON, what it holds, asked for and said. Pictures go into a folder.

look.py BROWSER PAGE FOLDER
"""

import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# What is in the page, as the browser has built and laid it out.
CONTENT = """(() => {
  const text = element => element.textContent.trim().replace(/\\s+/g, ' ');
  const counts = {};
  for (const row of document.querySelectorAll('table.summary tbody tr'))
    counts[text(row.querySelector('th'))] = Number(text(row.querySelector('td.number')));
  const controls = {};
  for (const article of document.querySelectorAll('article'))
    controls[article.dataset.control] = text(article.querySelector('summary .status'));
  for (const [list, status] of [['not-applicable', 'not applicable'], ['not-checked', 'not checked']])
    for (const item of document.querySelectorAll(`section[aria-labelledby=${list}] li`))
      controls[item.dataset.control] = status;
  const findings = document.querySelectorAll('section[aria-labelledby=findings] tbody tr').length;
  const dead = [...document.querySelectorAll('a[href^="#"]')]
    .map(link => link.getAttribute('href')).filter(href => !document.getElementById(decodeURIComponent(href.slice(1))));
  return { counts, controls, findings, dead, title: document.title };
})()"""

# How far text stands out from what is behind it, at its worst, as WCAG counts it, and what is wider than the page.
LAYOUT = """(() => {
  const channel = value => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let here = element; here; here = here.parentElement) {
      const color = parts(getComputedStyle(here).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  let contrast = 21;
  for (const element of document.querySelectorAll('body *')) {
    const written = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!written || !element.checkVisibility()) continue;
    const pair = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort();
    contrast = Math.min(contrast, (pair[1] + 0.05) / (pair[0] + 0.05));
  }
  const shown = [...document.querySelectorAll('article table')].filter(table => table.checkVisibility({ contentVisibilityAuto: true }) && table.offsetHeight > 0);
  // A word or a number that a narrow column breaks into many lines.
  const squashed = [...document.querySelectorAll('thead th, td.number, .status, .severity')]
    .filter(element => element.checkVisibility() && element.offsetHeight > 60).map(element => element.textContent);
  return {
    contrast,
    squashed,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    tables: document.querySelectorAll('article table').length,
    tables_shown: shown.length,
  };
})()"""


class Browser:
    """A browser that is spoken to through its third and fourth file."""

    def __init__(self, program, profile):
        asked, self.write = os.pipe()
        self.read, answered = os.pipe()

        def third_and_fourth():
            # Copies first: either may be one of the two.
            copies = [os.dup2(asked, 20), os.dup2(answered, 21)]
            for copy, wanted in zip(copies, (3, 4)):
                os.dup2(copy, wanted)
                os.set_inheritable(wanted, True)

        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--remote-debugging-pipe"]
        command = [program, *options, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            command, preexec_fn=third_and_fourth, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(asked)
        os.close(answered)
        self.rest = b""
        self.events = []
        self.numbers = itertools.count(1)
        self.session = None

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.read, 1 << 20)
            if not more:
                raise SystemExit("the browser went away")
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **parameters):
        number = next(self.numbers)
        request = {"id": number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data) :]
        while True:
            message = self.message()
            if message.get("id") == number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(str(result["exceptionDetails"]))
        return result["result"].get("value")


def look(program, page, folder):
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        try:
            return looked(browser, page, folder)
        finally:
            browser.process.kill()
            browser.process.wait()


def looked(browser, page, folder):
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Network", "Log", "Runtime"):
        browser.call(f"{domain}.enable")
    browser.call("Page.navigate", url=page.as_uri())
    browser.wait("Page.loadEventFired")
    told = browser.evaluate(CONTENT)
    told["layouts"] = {}
    for name, media, scheme, width in (
        ("light", "screen", "light", 1280),
        ("dark", "screen", "dark", 1280),
        ("narrow", "screen", "light", 390),
        ("print", "print", "light", 794),
    ):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", media=media, features=features)
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        told["layouts"][name] = browser.evaluate(LAYOUT)
        picture = browser.call("Page.captureScreenshot", format="png")["data"]
        (folder / f"{name}.png").write_bytes(base64.b64decode(picture))
        browser.evaluate("document.getElementById('controls').scrollIntoView()")
        picture = browser.call("Page.captureScreenshot", format="png")["data"]
        (folder / f"{name}-controls.png").write_bytes(base64.b64decode(picture))
        browser.evaluate("scrollTo(0, 0)")
    browser.call("Emulation.clearDeviceMetricsOverride")
    paper = browser.call("Page.printToPDF", printBackground=False)["data"]
    (folder / "report.pdf").write_bytes(base64.b64decode(paper))
    events = [event for event in browser.events if event.get("sessionId") == browser.session]
    requests = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    said = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
    told["requests"] = [url for url in requests if url != page.as_uri()]
    told["opened"] = page.as_uri() in requests
    told["said"] = [event["params"] for event in events if event["method"] in said]
    return told


print(json.dumps(look(sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]))))
