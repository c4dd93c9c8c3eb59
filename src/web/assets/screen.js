// What makes the pages live and quick to the keyboard. Nothing here is needed to work: every act is a form.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- live: the server says what kind of thing changed; regions that show such things are fetched again and swapped

const lamp = $("[data-live-state]");
const pending = new Set();
let fetching = false;

function busy(region) {
  // Nobody loses what is being typed or chosen.
  const at = document.activeElement;
  return region.contains(at) && at.matches("input:not([data-select]), textarea, select");
}

async function refresh() {
  if (fetching || pending.size === 0 || document.hidden) return;
  const topics = new Set(pending);
  const stale = $$("[data-live]").filter((r) => r.dataset.live.split(" ").some((t) => topics.has(t)));
  if (stale.length === 0) return pending.clear();
  if (stale.some(busy)) return;
  pending.clear();
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { "x-live": "1" }, redirect: "manual" });
    if (answer.status === 401 || answer.type === "opaqueredirect") return location.reload();
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of stale) swap(region, fresh.getElementById(region.id));
  } catch {
    topics.forEach((t) => pending.add(t));
  } finally {
    fetching = false;
  }
}

function swap(region, next) {
  if (!next || region.innerHTML === next.innerHTML) return;
  // What is chosen is the order, whatever its version now is.
  const row = (box) => box.value.split(":")[0];
  const chosen = new Set($$("input[data-select]:checked", region).map(row));
  const known = new Set($$("[data-row]", region).map((row) => row.dataset.href));
  const at = $("[data-at]", region)?.dataset.href;
  const open = new Set($$("details[open][id]", region).map((d) => d.id));
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.replaceChildren(...next.childNodes);
  for (const box of $$("input[data-select]", region)) box.checked = chosen.has(row(box));
  for (const row of $$("[data-row]", region)) {
    if (at && row.dataset.href === at) row.dataset.at = "";
    if (known.size > 0 && !known.has(row.dataset.href)) row.classList.add("fresh");
  }
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus();
  countChosen();
  document.dispatchEvent(new CustomEvent("banto:swapped", { detail: region }));
}

function listen() {
  if (!lamp || !$("[data-live]")) return;
  const events = new EventSource("/live");
  const show = (state) => {
    lamp.dataset.liveState = state;
    lamp.title = lamp.dataset[state];
  };
  events.addEventListener("open", () => {
    show("on");
    // What changed between the making of the page and now, nobody has told us.
    for (const region of $$("[data-live]")) region.dataset.live.split(" ").forEach((topic) => pending.add(topic));
    refresh();
  });
  events.addEventListener("error", () => show("lost"));
  events.addEventListener("changed", (event) => {
    event.data.split(" ").forEach((topic) => pending.add(topic));
    refresh();
  });
  setInterval(refresh, 1000);
  addEventListener("pagehide", () => events.close());
}

// ---- a region that is still being counted is asked for again until it is whole

async function again(region) {
  if (!region) return;
  await new Promise((later) => { setTimeout(later, Number(region.dataset.again) || 1000); });
  if (document.hidden) return again(region);
  const answer = await fetch(location.href, { headers: { "x-live": "1" }, redirect: "manual" }).catch(() => null);
  if (answer?.status === 401 || answer?.type === "opaqueredirect") return location.reload();
  if (!answer?.ok) return again(region);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(region.id);
  if (!next) return location.reload();
  region.replaceWith(next);
  return again(next.matches("[data-again]") ? next : null);
}

// ---- keyboard

let went = 0;
const places = { t: "/", o: "/orders", s: "/stock", l: "/listings", m: "/mails", c: "/channels", r: "/reports" };

function step(by) {
  const rows = $$("[data-row]");
  if (rows.length === 0) return;
  const was = rows.findIndex((row) => "at" in row.dataset);
  const now = Math.max(0, Math.min(rows.length - 1, was + by));
  rows.forEach((row, i) => { if (i === now) row.dataset.at = ""; else delete row.dataset.at; });
  rows[now].scrollIntoView({ block: "nearest" });
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const row = $("[data-at]");
  if (Date.now() - went < 1200 && places[event.key]) location.href = places[event.key];
  else if (event.key === "g") went = Date.now();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "Enter" && row && !event.target.matches("a, button, summary")) location.href = row.dataset.href;
  else if (event.key === "x" && row) $("input[data-select]", row)?.click();
  else if (event.key === "/") $(".find input")?.focus();
  else if (event.key === "?") $("#keys")?.showModal();
  else return;
  event.preventDefault();
}

// ---- chosen rows

function countChosen() {
  const n = $$("input[data-select]:checked").length;
  for (const bar of $$("[data-chosen]")) bar.hidden = n === 0;
  for (const count of $$("[data-chosen-count]")) count.textContent = n;
}

function choose(event) {
  const all = event.target.closest("[data-select-all]");
  if (all) for (const box of $$("input[data-select]")) box.checked = all.checked;
  if (all || event.target.matches("input[data-select]")) countChosen();
}

// ---- small helps

document.addEventListener("keydown", key);
document.addEventListener("change", choose);
document.addEventListener("submit", (event) => {
  const ask = event.submitter?.dataset.ask ?? event.target.dataset.ask;
  if (ask && !confirm(ask)) return event.preventDefault();
  // A double click is not two wishes.
  const button = event.submitter;
  if (button && event.target.method === "post") setTimeout(() => { button.disabled = true; });
});
addEventListener("pageshow", (event) => {
  // The browser's way back shows the page as it was left.
  if (event.persisted) $$("button:disabled").forEach((button) => { button.disabled = false; });
});
document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(copy.dataset.copy);
  // The way back is where the form is, with what was typed into it.
  if (event.target.closest("[data-back]") && document.referrer && history.length > 1) {
    event.preventDefault();
    history.back();
  }
  const me = $(".me[open]");
  if (me && !me.contains(event.target)) me.removeAttribute("open");
});
for (const select of $$("select[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());

// A form that was refused is answered at the address it was sent to: reloading, and what is live, need the page's own.
const home = $("[data-home]")?.dataset.home;
if (home) history.replaceState(null, "", home);

// On a phone the menu is longer than the window.
const here = $(".menu [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 2;

$$("[data-again]").forEach(again);
countChosen();
listen();

// ---- stock: why a number is what it is, beside the grid

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-panel]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [title, body] = [$("h1", page), page.getElementById("explain")];
    if (!title || !body) throw new Error("another page");
    const panel = document.createElement("dialog");
    panel.className = "panel";
    panel.setAttribute("aria-label", title.textContent);
    const close = document.createElement("button");
    close.textContent = "×";
    close.className = "close";
    close.setAttribute("aria-label", $("#keys button")?.textContent ?? "×");
    close.addEventListener("click", () => panel.close());
    panel.append(close, title, ...body.childNodes);
    panel.addEventListener("close", () => panel.remove());
    panel.addEventListener("click", (at) => { if (at.target === panel) panel.close(); });
    document.body.append(panel);
    panel.showModal();
  } catch {
    location.href = link.href;
  }
});

// ---- stock: a scanner types faster than pages load; what it scans stands in line

for (const form of $$("form[data-scan]")) {
  const line = [];
  let busy = false;
  const input = $("[data-scan-input]", form);
  const next = async () => {
    if (busy || line.length === 0) return;
    busy = true;
    const [scan, units] = line[0];
    const body = new URLSearchParams(new FormData(form));
    body.set("scan", scan);
    body.set("units", units);
    body.set("act", "add");
    try {
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      $("#slip", form).replaceChildren(...page.getElementById("slip").childNodes);
      line.shift();
      // What nobody knows stays to be read; the next scan writes over it.
      if ($("#slip [role=alert]", form) && !input.value) { input.value = scan; input.select(); }
    } catch {
      // Everything scanned waits here until the server is back.
      const lost = document.createElement("p");
      lost.className = "error";
      lost.setAttribute("role", "alert");
      lost.textContent = `${form.dataset.lost} (${line.length})`;
      $("#slip .error", form)?.remove();
      $("#slip", form).prepend(lost);
      setTimeout(next, 2000);
      return;
    } finally {
      busy = false;
    }
    next();
  };
  form.addEventListener("submit", (event) => {
    const adds = !event.submitter || "scanAdd" in event.submitter.dataset;
    if (!adds && line.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (!adds) return;
    if (input.value.trim()) line.push([input.value, form.elements.units.value]);
    input.value = "";
    form.elements.units.value = 1;
    input.focus();
    next();
  });
}

// ---- mails: a template is tried while it is being typed

for (const form of $$("form[data-preview]")) {
  let timer;
  const look = async () => {
    const fields = new URLSearchParams(new FormData(form));
    fields.set("act", "preview");
    const answer = await fetch(form.action, { method: "POST", body: fields, headers: { "x-live": "1" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("preview");
    if (next) $("#preview").replaceWith(next);
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => look().catch(() => {}), 700);
  });
}
