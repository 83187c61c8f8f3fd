// Polls the board every 2 s while somebody looks, and says so when it cannot.
"use strict";

const PACE = 2000;
const board = document.getElementById("board");
const fresh = document.getElementById("fresh");
const news = document.getElementById("news");
let tag = null;
let seen = new Date();
let timer = 0;
let last = board.firstElementChild.dataset.news;

function put(html) {
  const held = board.contains(document.activeElement) ? document.activeElement.id : "";
  board.innerHTML = html; // Escaped by the server; the content security policy keeps scripts out besides.
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
  const said = board.firstElementChild.dataset.news;
  if (said !== last) news.textContent = last = said;
}

function show(live) {
  const state = live ? "live" : "stale";
  const text = live ? "Live" : `As of ${seen.toLocaleTimeString()}, reconnecting`;
  if (fresh.textContent !== text) fresh.textContent = text;
  fresh.dataset.state = board.dataset.state = state;
}

async function look() {
  try {
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch("/ui/board", { headers, cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.status === 401) return location.assign("/sign-in");
    if (!answer.ok && answer.status !== 304) throw new Error(`status ${answer.status}`);
    if (answer.ok) {
      put(await answer.text());
      tag = answer.headers.get("ETag");
    }
    seen = new Date();
    show(true);
  } catch {
    show(false);
  }
  if (!document.hidden) timer = setTimeout(look, PACE);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) look();
});
timer = setTimeout(look, PACE);
