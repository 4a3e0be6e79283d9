// @ts-check
// Charts, lists that follow the desk, and completion of filters. A page says the same without it: a chart is drawn of the
// table below it, a list is what it was when the page was asked for, and a filter is checked when it is sent.
"use strict";
(() => {
  const lang = document.documentElement.lang;

  // --- charts -------------------------------------------------------------------------------------------------------

  /** @param {string} name a colour of the style */
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Colours and dashes of lines: never the colour alone. @type {[string, number[]][]} */
  const LINES = [["--accent", []], ["--amber", [8, 4]], ["--proven", [3, 3]], ["--ink", [10, 3, 2, 3]], ["--soft", [1, 3]]];

  /** @param {number | null} figure */
  const short = (figure) => {
    if (figure === null || figure === undefined) return "—";
    const size = Math.abs(figure);
    const [by, unit] = size >= 1e12 ? [1e12, " T"] : size >= 1e9 ? [1e9, " G"] : size >= 1e6 ? [1e6, " M"]
      : size >= 1e4 ? [1e3, " k"] : [1, ""];
    return (figure / by).toLocaleString(lang, { maximumFractionDigits: by === 1 ? 1 : 2 }) + unit;
  };

  /** Draws one figure of its table. @param {HTMLElement} figure */
  const draw = (figure) => {
    const table = figure.querySelector("table");
    const board = figure.querySelector(".plot");
    if (!table || !(board instanceof HTMLElement)) return;
    const zone = figure.dataset.zone || "UTC";
    const heads = Array.from(table.querySelectorAll("thead th"));
    const columns = heads.map((th, at) => ({ at, label: th.textContent || "", drawn: th.hasAttribute("data-drawn") }))
      .filter((column) => column.drawn);
    const rows = Array.from(table.tBodies[0]?.rows ?? []).filter((row) => row.dataset.t);
    if (rows.length === 0 || columns.length === 0) return;
    const times = rows.map((row) => Number(row.dataset.t));
    const data = [times, ...columns.map((column) => rows.map((row) => {
      const told = row.cells[column.at]?.getAttribute("data-v");
      return told === null || told === undefined || told === "" ? null : Number(told);
    }))];
    const limit = figure.dataset.limit ? Number(figure.dataset.limit) : null;
    const bars = figure.dataset.bars !== undefined;
    const clock = new Intl.DateTimeFormat(lang, { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    const day = new Intl.DateTimeFormat(lang, { timeZone: zone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const long = (times.at(-1) ?? 0) - (times[0] ?? 0) > 86400;
    /** @param {number} at */
    const time = (at) => (long ? day : clock).format(new Date(at * 1000));
    const series = [{ label: table.querySelector("thead th")?.textContent || "", value: (_, at) => (at === null ? "—" : time(at)) },
      ...columns.map((column, place) => {
        const [name, dash] = LINES[place % LINES.length] ?? ["--accent", []];
        const drawn = bars && place === 0
          ? { paths: uPlot.paths.bars({ size: [0.9, 100] }), fill: colour("--accent-soft"), points: { show: false } }
          : { points: { show: times.length < 3 } };
        return { label: column.label, stroke: colour(name), dash, width: 1.5, value: (_, v) => short(v), ...drawn };
      })];
    if (limit) {
      data.push(times.map(() => limit));
      series.push({ label: figure.dataset.limitLabel || "", stroke: colour("--harm"), dash: [6, 4], width: 1, points: { show: false }, value: (_, v) => short(v) });
    }
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule"), width: 1 }, font: "11px system-ui" };
    // A bar has its whole width at both ends, and a single one has a width.
    const steps = times.slice(1).map((at, place) => at - (times[place] ?? 0));
    const side = bars ? Math.min(...steps, 60) * 0.6 : times.length < 2 ? 1 : 0;
    board.replaceChildren();
    // It has a width only when it is shown.
    figure.classList.add("is-drawn");
    new uPlot({
      width: Math.max(board.clientWidth, 280), height: 240, series,
      padding: [12, 36, 0, 0],
      scales: { x: { range: (_, from, until) => [from - side, until + side] }, y: { range: (_, __, most) => [0, Math.max(most, limit ?? 0, 1) * 1.08] } },
      axes: [
        { ...axis, space: 90, values: (_, at) => at.map(time) },
        { ...axis, size: 64, values: (_, at) => at.map(short) },
      ],
      cursor: { drag: { x: true, y: false } },
    }, data, board);
  };

  const figures = /** @type {HTMLElement[]} */ (Array.from(document.querySelectorAll("figure.chart")));
  const all = () => figures.forEach(draw);
  if (figures.length > 0 && typeof uPlot !== "undefined") {
    all();
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) { width = innerWidth; all(); }
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  }

  // --- lists that follow --------------------------------------------------------------------------------------------

  const list = document.querySelector("[data-live]");
  if (list instanceof HTMLElement) {
    const state = document.getElementById("live-state");
    /** @param {string} name which of its texts the state shows */
    const tell = (name) => { if (state) state.textContent = state.getAttribute(`data-${name}`); };
    let waits = false;
    const again = async () => {
      if (waits) return;
      waits = true;
      await new Promise((done) => setTimeout(done, 1000));
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (answer.redirected) return location.reload();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
        if (page) list.replaceChildren(...Array.from(page.childNodes));
      } catch { tell("off"); } finally { waits = false; }
    };
    const events = new EventSource(list.dataset.live || "");
    events.onopen = () => tell("on");
    events.onerror = () => tell("off");
    events.addEventListener("missed", again);
    events.addEventListener("row", (event) => {
      const told = JSON.parse(event.data);
      const row = document.getElementById(`i-${told.id}`);
      if (!row) { if (!list.dataset.one) again(); return; }
      if (list.dataset.one) { document.getElementById("changed")?.removeAttribute("hidden"); }
      for (const [name, text] of Object.entries(told.cells)) {
        const cell = row.querySelector(`[data-cell="${CSS.escape(name)}"]`);
        if (cell && cell.textContent !== text) cell.textContent = String(text);
      }
      row.classList.toggle("is-open", told.is_open);
    });
    addEventListener("pagehide", () => events.close());
  }

  // --- filters ------------------------------------------------------------------------------------------------------

  const box = document.querySelector("textarea[data-words]");
  const offers = document.getElementById("filter-words");
  const fault = document.getElementById("filter-fault");
  if (box instanceof HTMLTextAreaElement && offers && fault) {
    /** @type {number | undefined} */
    let timer;
    let chosen = -1;
    let number = 0;
    const close = () => {
      chosen = -1;
      offers.replaceChildren();
      offers.hidden = true;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    };
    const options = () => /** @type {HTMLElement[]} */ (Array.from(offers.children));
    /** @param {number} at */
    const choose = (at) => {
      const every = options();
      if (every.length === 0) return;
      chosen = (at + every.length) % every.length;
      every.forEach((option, place) => option.setAttribute("aria-selected", String(place === chosen)));
      box.setAttribute("aria-activedescendant", every[chosen]?.id ?? "");
      every[chosen]?.scrollIntoView({ block: "nearest" });
    };
    /** @param {string} word */
    const take = (word) => {
      const at = box.selectionStart;
      const before = box.value.slice(0, at).replace(/[A-Za-z0-9_.:-]*$/, "");
      const after = box.value.slice(at).replace(/^[A-Za-z0-9_.:-]*/, "").replace(/^ ?/, "");
      box.value = `${before}${word} ${after}`;
      box.selectionStart = box.selectionEnd = before.length + word.length + 1;
      close();
      box.focus();
      ask();
    };
    const ask = () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const mine = ++number;
        const csrf = document.querySelector("input[name=csrf]");
        const at = new TextEncoder().encode(box.value.slice(0, box.selectionStart)).length;
        const form = new URLSearchParams({ csrf: csrf instanceof HTMLInputElement ? csrf.value : "", filter: box.value, at: String(at) });
        try {
          const answer = await fetch(box.dataset.words || "", { method: "POST", body: form });
          if (!answer.ok || mine !== number) return;
          const told = await answer.json();
          const begun = (box.value.slice(0, box.selectionStart).match(/[A-Za-z0-9_.:-]*$/) ?? [""])[0].toLowerCase();
          const words = told.words.filter((word) => !word.startsWith("<") && word.startsWith(begun) && word !== begun);
          const kinds = told.words.filter((word) => word.startsWith("<"));
          close();
          [...words, ...kinds].slice(0, 40).forEach((word, place) => {
            const option = document.createElement("li");
            option.id = `filter-word-${place}`;
            option.setAttribute("role", "option");
            option.setAttribute("aria-selected", "false");
            option.textContent = word;
            if (word.startsWith("<")) option.setAttribute("aria-disabled", "true");
            option.addEventListener("mousedown", (event) => {
              event.preventDefault();
              if (!word.startsWith("<")) take(word);
            });
            offers.append(option);
          });
          offers.hidden = offers.children.length === 0 || document.activeElement !== box;
          box.setAttribute("aria-expanded", String(!offers.hidden));
          fault.textContent = told.fault;
          fault.hidden = told.fault === "";
          box.toggleAttribute("aria-invalid", told.fault !== "");
        } catch { close(); }
      }, 150);
    };
    box.addEventListener("input", ask);
    box.addEventListener("click", ask);
    box.addEventListener("blur", close);
    box.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === " " && event.ctrlKey) { event.preventDefault(); ask(); return; }
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { box.form?.requestSubmit(); return; }
      if (offers.hidden) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        choose(chosen + (event.key === "ArrowDown" ? 1 : chosen < 0 ? 0 : -1));
      } else if (event.key === "Enter" && chosen >= 0) {
        event.preventDefault();
        const word = options()[chosen]?.textContent ?? "";
        if (!word.startsWith("<")) take(word);
      } else if (event.key === "Escape") {
        event.stopPropagation();
        close();
      }
    });
  }
})();
