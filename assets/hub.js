// What pages can do better with a script. Each of them is whole without it.
"use strict";
(() => {
  // Exchanges one part of this page for the same part of another. A later call wins over an earlier one.
  const turns = new Map();
  async function swap(url, id) {
    const turn = (turns.get(id) || 0) + 1;
    turns.set(id, turn);
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    if (!answer.ok) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(id), old = document.getElementById(id);
    if (!fresh || !old || turns.get(id) !== turn) return false;
    const log = document.querySelector("ol.log"), top = log && log.getBoundingClientRect().top;
    const held = old.contains(document.activeElement) ? document.activeElement.textContent : null;
    old.replaceChildren(...fresh.childNodes);
    // Whoever stood on a button stands on it still, and what is being read stays where it is.
    if (held !== null) {
      const same = [...old.querySelectorAll("a, button")].find((one) => one.textContent === held);
      if (same) same.focus({ preventScroll: true });
    }
    if (log && top < innerHeight / 2) scrollBy({ top: log.getBoundingClientRect().top - top, behavior: "instant" });
    return true;
  }

  // Tells screen readers what has changed, out of sight.
  const spoken = document.createElement("p");
  spoken.className = "unseen";
  spoken.setAttribute("role", "status");
  document.body.append(spoken);
  const say = (text) => { spoken.textContent = text; };

  // Search as you type: the same page by the same address.
  const search = document.querySelector("form[data-search]");
  if (search) {
    let waiting, last = new URLSearchParams(new FormData(search)).toString();
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const fields = new URLSearchParams();
        for (const [name, value] of new FormData(search)) if (value.trim()) fields.append(name, value);
        const asked = fields.toString();
        if (asked === last) return;
        last = asked;
        const url = search.action + (asked ? "?" + asked : "");
        if (!await swap(url, "results").catch(() => false)) return;
        history.replaceState(null, "", url);
        const count = document.querySelectorAll("#results .card").length;
        say(count ? count + (count === 1 ? " Executor" : " Executors") : "Nothing fits");
      }, 150);
    });
  }

  // By the keyboard: a slash to search, arrows from result to result, and back.
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = document.querySelector("input[type=search]"), on = document.activeElement;
    if (event.key === "/" && field && !on.matches("input, select, textarea")) {
      event.preventDefault();
      field.focus();
      field.select();
    }
    const links = [...document.querySelectorAll("#results .card h2 a")], at = links.indexOf(on);
    if (!links.length || (at < 0 && on !== search?.elements.q)) return;
    if (event.key === "ArrowDown" && links[at + 1]) links[at + 1].focus();
    else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] || search.elements.q).focus();
    else if (event.key === "Escape" && at >= 0) search.elements.q.focus();
    else return;
    event.preventDefault();
  });

  // A link to a line that this page does not show leads to the page that does.
  const line = /^#L(\d+)$/.exec(location.hash);
  if (line && !location.search && document.querySelector(".log") && !document.getElementById("L" + line[1])) {
    location.replace(location.pathname + "?after=" + Math.max(0, line[1] - 100) + location.hash);
  }

  // A choice that its form would be submitted for anyway.
  for (const select of document.querySelectorAll("select[data-submit]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  // Copying what stands in a box.
  for (const box of document.querySelectorAll("pre[data-copy]")) {
    if (!navigator.clipboard) break;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(box.textContent.trim());
      button.textContent = "Copied";
      say("Copied");
      setTimeout(() => { button.textContent = "Copy"; say(""); }, 2000);
    });
    const frame = document.createElement("div");
    frame.className = "copied";
    box.replaceWith(frame);
    frame.append(box, button);
  }

  // The pieces of a line of a terminal: text with the classes of its colours, without anything else a terminal obeys.
  // src/http/portal/terminal.rs does the same for the page.
  function pieces(line) {
    const found = [], on = new Set();
    let colour = "", text = "";
    const flush = () => {
      if (text) found.push([[...on, colour].filter(Boolean).join(" "), text]);
      text = "";
    };
    const whole = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -\/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -\/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
    let at = 0;
    for (const match of line.matchAll(whole)) {
      text += line.slice(at, match.index);
      at = match.index + match[0].length;
      if (match[1] === undefined) continue;
      flush();
      const codes = match[1].split(/[;:]/).map(Number);
      for (let i = 0; i < codes.length; i++) {
        const code = codes[i];
        if (code === 0) { on.clear(); colour = ""; }
        else if (code === 1) on.add("b");
        else if (code === 2) on.add("d");
        else if (code === 3) on.add("i");
        else if (code === 4) on.add("u");
        else if (code === 22) { on.delete("b"); on.delete("d"); }
        else if (code === 23) on.delete("i");
        else if (code === 24) on.delete("u");
        else if (code >= 30 && code <= 37) colour = "c" + (code - 30);
        else if (code >= 90 && code <= 97) colour = "c" + (code - 82);
        else if (code === 39) colour = "";
        else if (code === 38 || code === 48) {
          const wide = codes[i + 1] === 2 ? 4 : 2;
          if (code === 38) colour = wide === 2 && codes[i + 2] < 16 ? "c" + codes[i + 2] : "";
          i += wide;
        }
      }
    }
    text += line.slice(at);
    flush();
    return found;
  }

  // Follows a build from the last line of the page on. Lines are added below, so what is being read never moves.
  const log = document.querySelector("ol[data-follow]");
  if (log && window.EventSource) {
    const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 48;
    const button = document.createElement("button");
    const foot = document.createElement("div");
    let follows = !location.hash && atEnd(), rows = [], asked = false;
    button.type = "button";
    foot.className = "follow";
    foot.append(button);
    log.after(foot);
    const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    const show = () => { button.textContent = follows ? "Stop following" : "Follow the end"; };
    const set = (value) => { follows = value; show(); if (follows) toEnd(); };
    button.addEventListener("click", () => set(!follows));
    // Whoever scrolls away wants to read; whoever comes to the end wants to follow.
    for (const kind of ["wheel", "touchmove", "keydown"]) {
      addEventListener(kind, () => requestAnimationFrame(() => { if (follows !== atEnd()) { follows = atEnd(); show(); } }), { passive: true });
    }
    show();
    const add = () => {
      asked = false;
      log.append(...rows);
      rows = [];
      if (follows) toEnd();
    };
    const row = (event) => {
      const item = document.createElement("li"), number = document.createElement("a"), text = document.createElement("span");
      item.id = "L" + event.number;
      number.className = "n";
      number.href = "#" + item.id;
      number.textContent = event.number;
      text.className = "t";
      if (event.kind === "console") {
        for (const [style, piece] of pieces(event.line)) {
          const span = document.createElement("span");
          span.className = style;
          span.textContent = piece;
          text.append(span);
        }
      } else {
        item.className = event.kind === "warning" ? "told warning" : event.state === "failed" ? "told bad" : "told";
        text.textContent = pieces(event.message || "").map(([, piece]) => piece).join("");
      }
      item.append(number, text);
      return item;
    };
    const state = () => document.querySelector("#state .badge")?.textContent;
    let told = state();
    const refresh = async () => {
      await swap(location.pathname, "state").catch(() => false);
      if (follows) toEnd();
      if (state() !== told) say("Build " + (told = state()));
    };
    const source = new EventSource(log.dataset.follow + "?after=" + log.dataset.after);
    source.addEventListener("message", (message) => {
      const event = JSON.parse(message.data);
      rows.push(row(event));
      if (!asked) { asked = true; requestAnimationFrame(add); }
      if (event.kind === "report") { source.close(); foot.remove(); }
      if (event.kind !== "console") refresh();
    });
    // Its place in the line has changed.
    source.addEventListener("waiting", () => refresh());
  }
})();
