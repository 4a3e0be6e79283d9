# Signing in by a real identity provider (oidc-provider-mock of the Python registry) in a real browser.
# In and out: as browser.py; TADORU_READERS is the Python that has the provider.
import json, os, socket, subprocess, sys, tempfile, time, urllib.request

from browser import PATIENCE, PROGRAM, Browser, expect


def free():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(url):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return urllib.request.urlopen(url, timeout=10).read()
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def click(browser, what, place):
    browser.leave(what, lambda: browser.say(place + ".click()"))


def person(sub, name, group):
    return json.dumps({"sub": sub, "preferred_username": name, "groups": [group]})


home = tempfile.TemporaryDirectory()
at, of_provider = free(), free()
BASE, ISSUER = f"http://localhost:{at}", f"http://127.0.0.1:{of_provider}"
config = os.path.join(home.name, "tadoru.toml")
with open(config, "w") as file:
    file.write(f"""
[api]
listen = "127.0.0.1:{at}"
[console]
origin = "{BASE}"
[console.oidc]
issuer = "{ISSUER}"
name = "example.net"
client_id = "tadoru"
client_secret_file = "{home.name}/secret"
roles = {{ tadoru-desk = ["abuse-desk"] }}
[[people]]
id = "tanaka"
roles = ["administrator"]
""")
with open(os.path.join(home.name, "secret"), "w") as file:
    file.write("a secret of both\n")

provider = subprocess.Popen(
    [os.environ["TADORU_READERS"], "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(of_provider),
     "--user-claims", person("S-1", "yamada", "tadoru-desk"), "--user-claims", person("S-2", "mori", "sales")],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
desk = subprocess.Popen([PROGRAM, "--config", config, "--data", os.path.join(home.name, "data"), "serve"],
                        stderr=subprocess.PIPE, text=True)
browser = None
try:
    answers(ISSUER + "/.well-known/openid-configuration")
    answers(BASE + "/sign-in")
    browser = Browser()
    browser.look(1280)

    browser.go(BASE + "/sign-in")
    browser.shot("sign-in-provider")
    click(browser, "the provider's page", "document.querySelector(\"a[href='/oidc/begin']\")")
    expect("the provider asks", browser.say("location.href").startswith(ISSUER))
    browser.say("[...document.querySelectorAll('button')].find(one => one.innerText.includes('S-1')).click()")
    browser.until("somebody came in", f"location.href === '{BASE}/' && !!document.querySelector('nav.rail')")
    expect("under the name of the provider", browser.say("document.querySelector('.who b').innerText") == "yamada")
    browser.go(BASE + "/account")
    browser.shot("own-account-provider")
    browser.go(BASE + "/")
    browser.send("form[action='/sign-out']")
    browser.go(BASE + "/")
    expect("signing out ends it", browser.say("location.pathname") == "/sign-in")

    # Somebody without a role.
    click(browser, "the provider's page", "document.querySelector(\"a[href='/oidc/begin']\")")
    browser.say("[...document.querySelectorAll('button')].find(one => one.innerText.includes('S-2')).click()")
    browser.until("it is told", f"location.href.startsWith('{BASE}')"
                  " && document.readyState === 'complete' && !!document.getElementById('wrong')")
    browser.shot("sign-in-without-role")
    browser.go(BASE + "/")
    expect("nobody came in", browser.say("location.pathname") == "/sign-in")

    # The provider is away.
    provider.terminate()
    provider.wait(60)
    print("ok")
finally:
    if browser:
        browser.process.kill()
    for one in (desk, provider):
        one.terminate()
        one.wait(60)
sys.stdout.flush()
