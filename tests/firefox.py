"""Firefox for tests, driven through WebDriver BiDi as it listens to it itself: no other program is needed."""

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
WAIT = 60  # s; a slow machine is no failure
PREFERENCES = {
    "media.autoplay.default": 0,
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.download.always_ask_before_handling_new_types": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "services.settings.server": "data:,",
}
KEYS = {"ArrowRight": "\ue014", "ArrowLeft": "\ue012", "Escape": "\ue00c"}


class Tab:
    """One tab: what tests do to it and ask of it. What the page complains of is collected."""

    def __init__(self, socket):
        self._socket, self._numbers, self.complaints = socket, itertools.count(1), []
        self.send("session.new", capabilities={})
        self.context = self.send("browsingContext.getTree")["contexts"][0]["context"]
        self.send("session.subscribe", events=["log.entryAdded"])

    def send(self, method, **parameters):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (told := json.loads(self._socket.recv(timeout=WAIT))).get("id") != number:
            entry = told.get("params", {})
            if told.get("method") == "log.entryAdded" and entry["level"] == "error":
                self.complaints.append(entry["text"])
        assert told["type"] == "success", told
        return told["result"]

    def here(self, method, **parameters):
        return self.send(method, context=self.context, **parameters)

    def go(self, address):
        self.here("browsingContext.navigate", url=address, wait="complete")

    def evaluate(self, code):
        """Return what code says: text, a number, true or false."""
        told = self.send("script.evaluate", expression=code, target={"context": self.context}, awaitPromise=True)
        assert told["type"] == "success", told
        return told["result"].get("value")

    def until(self, condition):
        end = time.monotonic() + WAIT
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.05)

    def click(self, selector, text=""):
        """Click where an element lies, as a mouse does."""
        found = f"[...document.querySelectorAll({selector!r})].find((e) => e.textContent.includes({text!r}))"
        self.until(found)
        self.evaluate(f"{found}.scrollIntoView({{ block: 'center' }})")
        box = json.loads(self.evaluate(f"JSON.stringify({found}.getBoundingClientRect())"))
        at = {"x": round(box["x"] + box["width"] / 2), "y": round(box["y"] + box["height"] / 2)}
        self._act(
            "pointer",
            {"type": "pointerMove", **at},
            *({"type": f"pointer{way}", "button": 0} for way in ("Down", "Up")),
        )

    def press(self, key):
        self._act("key", *({"type": f"key{way}", "value": KEYS.get(key, key)} for way in ("Down", "Up")))

    def _act(self, kind, *actions):
        self.here("input.performActions", actions=[{"type": kind, "id": kind, "actions": list(actions)}])

    def choose(self, selector, *paths):
        """Choose files, as its dialog would."""
        (node,) = self.here("browsingContext.locateNodes", locator={"type": "css", "value": selector})["nodes"]
        self.here("input.setFiles", element={"sharedId": node["sharedId"]}, files=[str(path) for path in paths])


@contextlib.contextmanager
def firefox(folder: Path):
    """Open a tab of a new Firefox with a profile in a folder; what is downloaded goes to ``folder/downloads``."""
    from websockets.sync.client import connect

    profile, downloads = folder / "profile", folder / "downloads"
    profile.mkdir()
    downloads.mkdir()
    told = {**PREFERENCES, "browser.download.dir": str(downloads)}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in told.items()]
    (profile / "user.js").write_text("".join(lines), "utf-8")
    command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
    log = folder / "firefox.log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            end = time.monotonic() + WAIT
            while not (match := re.search(r"BiDi listening on (ws://\S+)", log.read_text("utf-8"))):
                assert time.monotonic() < end, log.read_text("utf-8")
                time.sleep(0.1)
            with connect(f"{match[1]}/session", max_size=None) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
