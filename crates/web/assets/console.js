// @ts-check
// Keys of the console, and nothing that a page cannot do without it.
"use strict";
(() => {
  /** The key that was struck before, when it was `g`. */
  let going = false;
  /** @type {number} */
  let row = -1;

  /** @param {EventTarget | null} target whether the key goes into a field */
  const isField = (target) =>
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

  /** @returns {HTMLTableRowElement[]} rows that lead somewhere */
  const rows = () => Array.from(document.querySelectorAll("main tbody tr")).filter(
    /** @returns {tr is HTMLTableRowElement} */ (tr) => tr instanceof HTMLTableRowElement && tr.querySelector("a") !== null);

  /** @param {number} step how many rows further */
  const move = (step) => {
    const all = rows();
    if (all.length === 0) return;
    all[row]?.classList.remove("at");
    row = Math.min(Math.max(row + step, 0), all.length - 1);
    const now = all[row];
    now?.classList.add("at");
    now?.querySelector("a")?.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isField(event.target)) {
      if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
      return;
    }
    if (going) {
      going = false;
      const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
      if (link instanceof HTMLAnchorElement) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    const help = document.getElementById("keys");
    switch (event.key) {
      case "g":
        going = true;
        setTimeout(() => { going = false; }, 1500);
        break;
      case "/": {
        const field = document.querySelector("[data-search]");
        if (field instanceof HTMLElement) {
          event.preventDefault();
          field.focus();
        }
        break;
      }
      case "j": move(1); break;
      case "k": move(-1); break;
      case "?":
        if (help instanceof HTMLDialogElement) help.showModal();
        break;
    }
  });

  // The way of a form is not taken twice while it is under way.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
    if (form.dataset.sent === "yes") {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => form.removeAttribute("data-sent"));
  });

  // What was just read stands before the eyes.
  document.querySelector("[data-here]")?.scrollIntoView({ block: "start" });
  const field = document.querySelector("[aria-invalid]");
  if (field instanceof HTMLElement) field.focus();
})();
