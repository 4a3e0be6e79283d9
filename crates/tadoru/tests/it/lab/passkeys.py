# Passkeys in a real browser, with a virtual authenticator of the DevTools protocol: two are made, each signs in without a
# password, one that does not know its owner does not, and one that was removed no longer does.
# In and out: as browser.py.
import re, subprocess, sys

from browser import CHROMIUM, PROGRAM, Browser, expect


def authenticator(browser, knows_owner=True):
    browser.call("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": knows_owner, "automaticPresenceSimulation": True,
    }
    return browser.call("WebAuthn.addVirtualAuthenticator", options=options)["authenticatorId"]


def add(browser, label):
    browser.go(BASE + "/account")
    before = browser.say("document.querySelectorAll('form[action=\"/account/passkeys/remove\"]').length")
    browser.say(f"document.getElementById('label').value = '{label}'")
    browser.say("document.querySelector('form[data-passkey]').requestSubmit()")
    browser.until(f"{label} is listed", "document.querySelectorAll('form[action=\"/account/passkeys/remove\"]').length"
                  f" === {before + 1} && document.readyState === 'complete'")
    expect(f"{label} has its name", label in browser.say("document.querySelector('main').innerText"))


def enter(browser):
    browser.go(BASE + "/sign-in")
    browser.say("document.querySelector('form[data-passkey]').requestSubmit()")


def out(browser):
    browser.go(BASE + "/")
    browser.send("form[action='/sign-out']")


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
    port = re.match(r"http://[^/]+:(\d+)", links["aoki"])[1]
    BASE = f"http://localhost:{port}"
    browser = Browser()
    browser.look(1280)

    browser.go(f"http://127.0.0.1:{port}/sign-in")
    expect("elsewhere it is told where passkeys are", f"{BASE}/sign-in" in browser.say("document.body.innerHTML"))
    browser.go(links["aoki"].replace("127.0.0.1", "localhost"))
    browser.send("form:not(.lang)")
    first = authenticator(browser)
    add(browser, "office phone")
    held = browser.call("WebAuthn.getCredentials", authenticatorId=first)["credentials"]
    expect("the authenticator keeps the account's handle", len(held) == 1 and held[0]["isResidentCredential"])
    expect("and is asked for no name", held[0]["rpId"] == "localhost")
    browser.shot("own-account")

    # A second one, on another device.
    browser.call("WebAuthn.removeVirtualAuthenticator", authenticatorId=first)
    second = authenticator(browser)
    add(browser, "key in the safe")
    out(browser)

    enter(browser)
    browser.until("the passkey signs in", "location.pathname === '/' && !!document.querySelector('nav.rail')")
    expect("as its owner", browser.say("document.querySelector('.who b').innerText") == "aoki")
    browser.go(BASE + "/account")
    browser.shot("own-account-used")

    # One that does not know its owner proves nothing.
    out(browser)
    browser.call("WebAuthn.setUserVerified", authenticatorId=second, isUserVerified=False)
    enter(browser)
    browser.until("it is told", "document.querySelector('form[data-passkey] [role=alert]')?.innerText.length > 0")
    expect("and nobody came in", browser.say("location.pathname") == "/sign-in")
    browser.shot("sign-in-passkey")
    browser.call("WebAuthn.setUserVerified", authenticatorId=second, isUserVerified=True)

    # Removed, it opens nothing.
    enter(browser)
    browser.until("it signs in again", "location.pathname === '/' && !!document.querySelector('nav.rail')")
    browser.go(BASE + "/account")
    row = "[...document.querySelectorAll('main tr')].find(tr => tr.innerText.includes('key in the safe'))"
    browser.leave("it is removed", lambda: browser.say(f"{row}.querySelector('form').requestSubmit()"))
    expect("one is left", browser.say("document.querySelectorAll('form[action=\"/account/passkeys/remove\"]').length") == 1)
    out(browser)
    enter(browser)
    browser.until("it is told", "document.querySelector('form[data-passkey] [role=alert]')?.innerText.length > 0")
    expect("nobody came in", browser.say("location.pathname") == "/sign-in")

    # All of it is on record.
    browser.go(links["mori"].replace("127.0.0.1", "localhost"))
    browser.send("form:not(.lang)")
    browser.go(BASE + "/journal")
    text = browser.say("document.querySelector('main').innerText")
    expect("the journal is there", len(text) > 0)
    print("ok")
finally:
    if browser:
        browser.process.kill()
    desk.terminate()
    desk.wait(60)
sys.stdout.flush()
