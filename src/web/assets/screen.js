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
  const chosen = new Set($$("input[data-select]:checked", region).map((box) => box.value));
  const known = new Set($$("[data-row]", region).map((row) => row.dataset.href));
  const at = $("[data-at]", region)?.dataset.href;
  const open = new Set($$("details[open][id]", region).map((d) => d.id));
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.replaceChildren(...next.childNodes);
  for (const box of $$("input[data-select]", region)) box.checked = chosen.has(box.value);
  for (const row of $$("[data-row]", region)) {
    if (row.dataset.href === at) row.dataset.at = "";
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
  const show = (state) => { lamp.dataset.liveState = state; };
  events.addEventListener("open", () => show("on"));
  events.addEventListener("error", () => show("lost"));
  events.addEventListener("changed", (event) => {
    event.data.split(" ").forEach((topic) => pending.add(topic));
    refresh();
  });
  setInterval(refresh, 1000);
  addEventListener("pagehide", () => events.close());
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
  const me = $(".me[open]");
  if (me && !me.contains(event.target)) me.removeAttribute("open");
});
for (const select of $$("select[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());

countChosen();
listen();
