// What is asked most, and which queries were slow, as tables.

import { byId, el, show } from "./dom.js";
import { say } from "./dashboard-words.js";
import { count, duration, rate } from "./figures.js";

function table(columns, rows, caption) {
  const head = columns.map(({ name, kind }) => el("th", { scope: "col", class: kind }, say(name)));
  return el("table", {}, el("caption", { class: "out-of-sight" }, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
}

export function popular(rows, look) {
  const top = Math.max(...rows.map((row) => row.lookups ?? 0), 1e-9);
  show(byId("popular"), rows, () => {
    if (!rows.length) return el("p", { class: "quiet" }, say("noPopular"));
    const columns = [{ name: "query" }, { name: "source" }, { name: "often", kind: "number" }, { name: "perDay", kind: "number less" }];
    return table(columns, rows.map((row) => {
      const line = el("i", { class: "swatch database", "aria-hidden": "true" });
      line.style.width = `${Math.max(2, (row.lookups / top) * 90)}px`;
      const asked = row.query || Object.values(row.params ?? {}).join(" ");
      const button = el("button", { class: "link", type: "button", "aria-label": say("ask", asked), onclick: () => look(row) },
        row.keyword ? `${asked} · ${row.keyword}` : asked);
      return el("tr", {}, el("td", {}, button), el("td", { class: "quiet" }, row.source),
        el("td", { class: "number" }, line, ` ${rate(row.lookups)}`), el("td", { class: "number less" }, rate(row.per_day)));
    }), say("popular"));
  });
}

function part(name, columns, rows) {
  return rows.length ? [el("h3", {}, say(name)), table(columns, rows, say(name))] : [];
}

const times = (...figures) => figures.map((figure) => el("td", { class: "number" }, figure));

function statement(row) {
  const plan = row.plan ? el("details", {}, el("summary", {}, say("plan")), el("pre", {}, row.plan)) : null;
  return el("tr", {}, el("td", {}, el("code", {}, row.text), plan), times(duration(row.slowest_ms), duration(row.mean_ms), count(row.count)));
}

const lookup = (row) => el("tr", {},
  el("td", {}, el("code", {}, row.key)), el("td", {}, say(row.outcome)), times(duration(row.ms)));

const route = ([name, row]) => el("tr", {},
  el("td", {}, el("code", {}, name)), times(duration(row.latency_ms.p95), duration(row.slowest_ms), rate(row.queries), count(row.count)));

// Streams last for as long as somebody listens: that is not slow.
const LASTING = /\/(stream|events|results|profile)$/;

// Statements with their plans (told to admins alone), the slowest lookups, and every route.
export function slow(told) {
  const { statements = [], keys = [], routes = {} } = told ?? {};
  const numbers = (...names) => names.map((name) => ({ name, kind: "number" }));
  const lines = Object.entries(routes).filter(([name]) => !LASTING.test(name)).sort(([, one], [, other]) => other.slowest_ms - one.slowest_ms).slice(0, 8);
  show(byId("slow"), [statements, keys, lines], () => {
    const all = [
      ...part("statements", [{ name: "statement" }, ...numbers("slowest", "mean", "count")], statements.slice(0, 10).map(statement)),
      ...part("lookups", [{ name: "key" }, { name: "outcome" }, ...numbers("time")], keys.slice(0, 8).map(lookup)),
      ...part("routes", [{ name: "route" }, ...numbers("p95short", "slowest", "queries", "count")], lines.map(route)),
    ];
    return all.length ? all : el("p", { class: "quiet" }, say("noSlow"));
  });
}
