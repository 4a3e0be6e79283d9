# Drives Chromium over its debugging pipe (file descriptors 3 and 4, JSON between zero bytes) through the main job of the
# console. In: program, browser, folder for screenshots. Out: `ok` as the last line, or what did not come about.
import base64, json, os, re, subprocess, sys, time

PROGRAM, CHROMIUM, SHOTS, PROFILE = sys.argv[1:5]
PATIENCE = 120


class Browser:
    def __init__(self):
        (their_in, to_them), (from_them, their_out) = os.pipe(), os.pipe()

        def wire():
            os.dup2(their_in, 63), os.dup2(their_out, 64)
            os.dup2(63, 3), os.dup2(64, 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        self.process = subprocess.Popen(
            [CHROMIUM, *flags, "--remote-debugging-pipe", f"--user-data-dir={PROFILE}", "about:blank"],
            close_fds=False, preexec_fn=wire, stderr=subprocess.DEVNULL)
        os.close(their_in), os.close(their_out)
        self.to, self.source = os.fdopen(to_them, "wb", 0), os.fdopen(from_them, "rb", 0)
        self.count, self.rest, self.session = 0, b"", None
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in pages if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]

    def call(self, method, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.to.write(json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                more = self.source.read(65536)
                if not more:
                    raise SystemExit("the browser ended")
                self.rest += more
            one, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(one)
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(answer["error"]["message"])
                return answer["result"]

    def say(self, script):
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(script)
        return told["result"].get("value")

    def until(self, what, script):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.say(script):
                    return
            except RuntimeError:
                pass  # between two pages
            time.sleep(0.05)
        raise SystemExit(f"{what} did not come about: {self.say('document.body.innerText')[:600]}")

    def leave(self, what, how):
        """Does what leads to another page, and waits for it."""
        self.say("window.before = true")
        how()
        self.until(what, "document.readyState === 'complete' && !window.before")

    def go(self, url):
        self.leave(url, lambda: self.call("Page.navigate", url=url))

    def send(self, form):
        self.leave(form, lambda: self.say(f"document.querySelector({json.dumps(form)}).requestSubmit()"))

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            extra = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            code = {"Enter": 13, "Tab": 9}.get(key, 0)
            if key == "Enter" and kind == "keyDown":
                extra = {"text": "\r"}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **extra)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def look(self, width, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def shot(self, name):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 3000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(os.path.join(SHOTS, name + ".png"), "wb") as file:
            file.write(base64.b64decode(data))


def expect(what, is_so):
    if not is_so:
        raise SystemExit(f"not so: {what}")


def main():
    desk = subprocess.Popen([PROGRAM, "demo", "--serve"], stdout=subprocess.PIPE, text=True)
    browser = None
    try:
        links = {}
        for line in desk.stdout:
            found = re.match(r"\s+(\w+)\s.*(http://\S+)", line)
            if found:
                links[found[1]] = found[2]
            if len(links) == 5:
                break
        expect("five people are told", len(links) == 5)
        base = re.match(r"http://[^/]+", links["aoki"])[0]
        browser = Browser()
        browser.look(1280)

        browser.go(base + "/")
        expect("nobody is led to the door", browser.say("location.pathname") == "/sign-in")
        browser.shot("sign-in")
        browser.go(links["aoki"])
        browser.send("form:not(.lang)")
        expect("the ticket leads in", browser.say("location.pathname") == "/")
        browser.shot("overview")

        # By the keyboard alone: to the desk, into the line, the case, and read.
        browser.leave("g t", lambda: (browser.key("g"), browser.key("t")))
        expect("g t goes to the desk", browser.say("location.pathname") == "/trace")
        browser.say("document.getElementById('line').focus()")
        browser.type("192.0.2.1:10768 2026-11-22 04:48:56 +09:00")
        browser.say("document.getElementById('case').focus()")
        browser.type("demo-2")
        browser.leave("Enter reads", lambda: browser.key("Enter"))
        text = browser.say("document.body.innerText")
        expect("both times are shown back", "2026-11-22 04:48:56 +09:00" in text and "2026-11-21T19:48:56Z" in text)
        browser.shot("reading")
        browser.say("document.querySelectorAll('[name^=\"fact.\"]').forEach(field => field.value = 'yes')")
        browser.send("#ask")
        expect("one line is named", browser.say("!!document.querySelector('.outcome.unique')"))
        expect("the chain is drawn", browser.say("document.querySelectorAll('svg.chain rect').length") >= 4)
        answer = browser.say("location.href")
        browser.shot("answer")
        browser.look(1280, dark=True)
        browser.shot("answer-dark")
        browser.look(1280)
        browser.send("form.lang")
        expect("the language is the other", browser.say("document.documentElement.lang") == "ja")
        browser.shot("answer-ja")

        # Incidents: one is over, another appears in the list while it is looked at.
        browser.leave("g i", lambda: (browser.key("g"), browser.key("i")))
        expect("g i goes to the incidents", browser.say("location.pathname") == "/incidents")
        browser.until("an attack appears by itself", "document.querySelectorAll('tbody tr').length >= 2")
        browser.shot("incidents")
        incident = browser.say("document.querySelector('tbody tr:last-child a').getAttribute('href')")
        browser.go(base + incident)
        expect("it is sealed", not browser.say("document.body.innerText.includes('198.51.100.10')"))
        browser.shot("incident-sealed")
        browser.say("document.getElementById('case').value = 'demo-2'")
        browser.send("#open-form")
        expect("it is open", browser.say("document.body.innerText.includes('198.51.100.10')"))
        browser.until("its course is drawn", "document.querySelectorAll('.uplot canvas').length >= 2")
        browser.send("#follow")
        expect("the way in is told", browser.say("document.body.innerText.includes('edge2 to south')"))
        browser.shot("incident")
        browser.look(1280, dark=True)
        browser.shot("incident-dark")
        browser.look(1280)

        # Flows: words are offered, a mistake is marked, sums and a series are told.
        browser.go(base + "/flows")
        browser.say("document.getElementById('filter').focus()")
        browser.type("proto tcp and s")
        browser.until("words are offered", "!document.getElementById('filter-words').hidden")
        browser.shot("flows-words")
        browser.say("document.getElementById('filter').value = 'proto tcp andd'")
        browser.send("#question")
        expect("the mistake is marked", browser.say("document.getElementById('filter-fault').innerText.includes('^')"))
        browser.say("document.getElementById('filter').value = 'proto tcp'")
        browser.say("document.querySelector('[value=series]').checked = true")
        browser.send("#question")
        browser.until("a series is drawn", "!!document.querySelector('.uplot canvas')")
        browser.shot("flows")
        browser.go(base + "/sources")
        expect("five exporters are told", browser.say("document.querySelectorAll('table tbody')[0].rows.length") == 5)
        expect("days are told", browser.say("document.querySelectorAll('td.day').length") >= 14)
        browser.shot("sources")

        browser.look(360)
        for path in ["/incidents", incident, "/flows", "/sources", "/", "/trace", "/cases", "/cases/demo-1", "/gate", "/journal", "/approvals", answer[len(base):]]:
            browser.go(base + path)
            name = re.sub(r"\W+", "-", path)[:20].strip("-") or "overview"
            browser.shot(f"{name}-360")
            width = browser.say("document.documentElement.scrollWidth")
            expect(f"{path} fits into 360 px, {width}", width <= 360)
        browser.look(1280)

        # The second person, in a session of their own.
        browser.go(base + "/")
        browser.send("form[action='/sign-out']")
        browser.go(answer)
        expect("the answer is not there without a session", browser.say("location.pathname") == "/sign-in")
        browser.go(links["sato"])
        browser.send("form:not(.lang)")
        browser.go(base + "/approvals")
        browser.send("main form")
        expect("it is agreed to", browser.say("!!document.querySelector('[role=status]')"))
        browser.shot("approvals")
        browser.go(base + "/journal")
        browser.send("form[action='/journal/verify']")
        expect("the journal is proven", browser.say("!!document.querySelector('p.proven')"))
        browser.shot("journal")
        print("ok")
    finally:
        if browser:
            browser.process.kill()
        desk.terminate()
        desk.wait(60)


if __name__ == "__main__":
    main()
