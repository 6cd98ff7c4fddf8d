// /dashboard: follows the statistics and hands each snapshot to the cards.

import { ask, follow } from "./api.js";
import { byId, el } from "./dom.js";
import { say, sayAll } from "./dashboard-words.js";
import { span } from "./figures.js";
import * as lists from "./lists.js";
import { look, open } from "./lookup.js";
import * as panels from "./panels.js";
import { Series } from "./series.js";
import { languageSwitch, setToken, themeSwitch, token } from "./settings.js";

const AGAIN = 3000; // milliseconds before a lost stream is asked for anew
const POPULAR = 15000;
const series = new Series();
let following = null;

function state(kind) {
  byId("state").className = `badge ${kind}`;
  byId("state").textContent = say(kind);
}

function draw(stats) {
  series.add(stats);
  byId("version").textContent = `${stats.version} · ${say("uptime", span(stats.uptime_seconds))}`;
  panels.tiles(stats, series);
  panels.flow(series);
  panels.share(stats);
  panels.latency(stats);
  panels.race(stats);
  panels.upstreams(stats);
  panels.spend(stats);
  lists.slow(stats.slow);
}

function enter(fault = "") {
  following?.abort();
  byId("live").hidden = true;
  byId("door").hidden = false;
  byId("door-fault").hidden = !fault;
  byId("door-fault").textContent = fault;
  byId("leave").hidden = true;
  state("off");
  byId("key").focus();
}

async function popular() {
  const answer = await ask("GET", "/v1/stats?popular=12").catch(() => null);
  if (answer?.ok) lists.popular(answer.json.popular, look);
}

async function watch() {
  following?.abort();
  const mine = (following = new AbortController());
  state("connecting");
  let opened = false;
  const heard = (name, stats) => {
    if (name !== "stats") return;
    if (!opened) {
      opened = true;
      state("on");
      byId("door").hidden = true;
      byId("live").hidden = false;
      byId("leave").hidden = !token();
      open();
      popular();
    }
    draw(stats);
  };
  const status = await follow("/v1/stats/stream", heard, mine.signal).catch(() => 0);
  if (mine.signal.aborted) return;
  if (status === 401) enter(token() ? say("refused401") : "");
  else if (status === 403) enter(say("refused403"));
  else { state("off"); setTimeout(() => { if (following === mine) watch(); }, AGAIN); }
}

function begin() {
  sayAll();
  byId("key").setAttribute("aria-label", say("keyLabel"));
  byId("door").addEventListener("submit", (event) => { event.preventDefault(); setToken(byId("key").value); byId("key").value = ""; series.clear(); watch(); });
  byId("tools").append(
    languageSwitch(say("language")), themeSwitch(say("theme"), { auto: say("auto"), light: say("light"), dark: say("dark") }),
    el("button", { type: "button", id: "leave", hidden: true, onclick: () => { setToken(""); watch(); } }, say("leave")));
  setInterval(() => { if (!byId("live").hidden && !document.hidden) popular(); }, POPULAR);
  watch();
}

begin();
