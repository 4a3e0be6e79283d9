// @ts-check
// Passkeys: asks the browser's authenticator, and hands on what it signed. Without it, passwords go on working.
"use strict";
(() => {
  /** @param {string} text base64url @returns {ArrayBuffer} */
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)).buffer;

  /** @param {ArrayBuffer | null} buffer @returns {string | null} base64url */
  const text = (buffer) => buffer === null ? null
    : btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  /** @param {string} path @param {Record<string, string>} fields @returns {Promise<any>} */
  const post = async (path, fields) => {
    const answer = await fetch(path, { method: "POST", body: new URLSearchParams(fields), headers: { accept: "application/json" } });
    const kind = answer.headers.get("content-type") ?? "";
    const told = kind.startsWith("application/json") ? await answer.json() : {};
    if (!answer.ok) throw new Error(told.wrong ?? "");
    return told;
  };

  /** @param {any} options @returns {any} with octets where the browser wants them */
  const asked = (options) => {
    const key = { ...options, challenge: bytes(options.challenge) };
    if (key.user) key.user = { ...key.user, id: bytes(key.user.id) };
    for (const list of ["excludeCredentials", "allowCredentials"]) {
      if (key[list]) key[list] = key[list].map((/** @type {any} */ one) => ({ ...one, id: bytes(one.id) }));
    }
    return key;
  };

  /** @param {any} made @returns {string} JSON */
  const told = (made) => {
    /** @type {Record<string, unknown>} */
    const response = { clientDataJSON: text(made.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[name]) response[name] = text(made.response[name]);
    }
    return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, extensions: {} });
  };

  /** @param {HTMLElement} form @param {() => Promise<void>} deed */
  const attempt = async (form, deed) => {
    const wrong = form.querySelector("[role=alert]");
    if (wrong) wrong.textContent = "";
    try {
      await deed();
    } catch (error) {
      const said = error instanceof DOMException ? "" : /** @type {Error} */ (error).message;
      if (wrong) wrong.textContent = said || (form.dataset["failed"] ?? "");
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    form.hidden = !window.PublicKeyCredential;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
      void attempt(form, async () => {
        if (form.dataset["passkey"] === "enter") {
          const { ceremony, options } = await post("/passkeys/begin", {});
          const signed = await navigator.credentials.get({ publicKey: asked(options.publicKey) });
          const { to } = await post("/passkeys/enter", { ceremony, credential: told(signed) });
          location.assign(to);
        } else {
          const { options } = await post("/account/passkeys/begin", fields);
          const made = await navigator.credentials.create({ publicKey: asked(options.publicKey) });
          const { to } = await post("/account/passkeys/add", { ...fields, credential: told(made) });
          location.assign(to);
        }
      });
    });
  }
})();
