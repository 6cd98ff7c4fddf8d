// What the snapshots say of the gateway's parts, each in its card.

import { ranges, ring, room, sparkline, stack } from "./charts.js";
import { el, byId, show } from "./dom.js";
import { say } from "./dashboard-words.js";
import { count, dollars, duration, percent, rate, span } from "./figures.js";
import { OUTCOMES, SPAN, outcomes, ratio } from "./series.js";

const BELOW = ["miss", "similar", "collapsed", "stale", "hit", "failed"];
const TIERS = ["memory", "redis", "database"];
const sum = (values) => values.reduce((whole, value) => whole + value, 0);

function tile(name, big, unit, more, chart, ringed = false) {
  return el("div", { class: `card tile${ringed ? " ringed" : ""}` },
    el("span", { class: "name" }, name), el("span", { class: "big" }, big, unit ? el("small", {}, unit) : null),
    el("span", { class: "more" }, more), chart);
}

export function tiles(stats, series) {
  const counts = outcomes(stats), share = ratio(counts), latency = stats.lookups.latency_ms;
  const today = stats.spend.today, flights = stats.flights;
  const [p95, unit] = duration(latency.p95).split(" ");
  const busy = flights.count ? say("oldest", span(flights.oldest_seconds), count(flights.waiters)) : say("none");
  show(byId("tiles"), [counts, series.totals, latency, today, flights], () => [
    el("h2", { class: "out-of-sight", id: "now-title" }, say("now")),
    tile(say("rate"), rate(series.rate), "/s", say("sinceStart", count(sum(Object.values(counts)))), sparkline(series.totals)),
    tile(say("ratio"), percent(share), "", say("ratioMore", percent(series.recentRatio)), ring(share), true),
    tile(say("p95"), p95, unit, say("p50More", duration(latency.p50))),
    tile(say("saved"), dollars(today.saved_usd), "", say("spentMore", dollars(today.spent_usd))),
    tile(say("flights"), count(flights.count), "", busy),
  ]);
}

export function flow(series) {
  const points = series.points.map(({ rates }) => rates);
  show(byId("flow-legend"), "once", () => OUTCOMES.map((name) =>
    el("span", {}, el("i", { class: `swatch ${name}` }), say(name))));
  const label = { whole: say("flowLabel", say("perSecond", rate(series.rate))), from: say("ago"), to: say("justNow") };
  const place = byId("flow");
  show(place, [room(place), points], () => stack(room(place), points, BELOW, SPAN, label));
}

function bar(title, figure, parts, more = null) {
  return el("div", { class: "bar" }, el("b", {}, title), el("span", { class: "quiet" }, figure),
    el("span", { class: "track", "aria-hidden": "true" }, parts.map(([name, share]) => {
      const fill = el("i", { class: name });
      fill.style.width = `${Math.min(100, share * 100)}%`;
      return fill;
    })), more);
}

const known = (stats) => [...TIERS.filter((name) => stats.tiers[name]), ...Object.keys(stats.tiers).filter((name) => !TIERS.includes(name))];

export function share(stats) {
  const { answered } = stats.lookups;
  const fetched = (answered.miss ?? 0) + (answered.collapsed ?? 0);
  const rows = [...known(stats).map((name) => [name, stats.tiers[name].hits]), ["upstream", fetched]];
  const all = sum(rows.map(([, hits]) => hits));
  show(byId("share"), rows, () => (all
    ? el("div", { class: "bars" }, rows.map(([name, hits]) => {
      const tier = stats.tiers[name];
      const more = tier ? el("span", { class: "quiet small" }, say("hitsOf", percent(tier.hit_ratio))) : null;
      return bar(say(name), `${percent(hits / all)} · ${count(hits)}`, [[name, hits / all]], more);
    }))
    : el("p", { class: "quiet" }, say("quietYet"))));
}

export function latency(stats) {
  const told = known(stats).map((name) => ({ name, title: say(name), ...stats.tiers[name].latency_ms }));
  const whole = { name: "total", title: say("total"), ...stats.lookups.latency_ms };
  const rows = [...told, whole].filter(({ p50 }) => p50 !== null);
  const place = byId("ranges");
  show(place, [room(place), rows], () => (rows.length
    ? ranges(room(place), rows, (row) => say("rangesLabel", row.title, duration(row.p50), duration(row.p95), duration(row.p99)))
    : el("p", { class: "quiet" }, say("quietYet"))));
}

// Who won when two tiers were asked at once, and by how much at the median.
export function race(stats) {
  const [winner, loser] = Object.entries(stats.races).sort(([, one], [, other]) => other.wins - one.wins);
  show(byId("race"), stats.races, () => {
    if (!loser) return [];
    const [[name, best], [, second]] = [winner, loser];
    const often = say("raceWins", count(best.wins), count(best.races));
    return say("race", say(name), duration(best.latency_ms.p50), duration(second.latency_ms.p50), often);
  });
}

const SIGNS = { closed: "✓", open: "✕" };

export function upstreams(stats) {
  const names = [...new Set([...Object.keys(stats.breakers), ...Object.keys(stats.quotas)])].sort();
  show(byId("upstreams"), [stats.breakers, stats.quotas], () => el("div", { class: "states" }, names.map((name) => {
    const state = stats.breakers[name] ?? "closed";
    const kind = state in SIGNS ? state : "half";
    const quotas = Object.entries(stats.quotas[name] ?? {});
    return el("div", { class: "upstream-row" },
      el("div", { class: "head" }, el("b", {}, name), el("span", { class: `badge ${kind}` }, `${SIGNS[state] ?? "◐"} ${say(kind === "half" ? "half-open" : state)}`)),
      quotas.length
        ? el("div", { class: "bars" }, quotas.map(([window, { used, limit }]) =>
          bar(say(window), say("of", count(used), count(limit)), [[used / limit > 0.9 ? "failed" : "database", used / limit]])))
        : el("span", { class: "quiet small" }, say("noQuota")));
  })));
}

function money(rows) {
  const top = Math.max(...rows.map(([, sums]) => sums.spent_usd + sums.saved_usd), 1e-12);
  return el("div", { class: "bars" }, rows.map(([name, sums]) =>
    bar(name, `${dollars(sums.spent_usd)} · +${dollars(sums.saved_usd)}`, [["miss", sums.spent_usd / top], ["hit", sums.saved_usd / top]],
      el("span", { class: "quiet small" }, say("calls", count(sums.calls), count(sums.prompt_tokens + sums.completion_tokens))))));
}

export function spend(stats) {
  const today = stats.spend.today;
  byId("day").textContent = today.day;
  show(byId("spend"), today, () => {
    const trio = [["spent", today.spent_usd, ""], ["savedWord", today.saved_usd, "good"], ["wasted", today.wasted_usd, today.wasted_usd ? "bad" : ""]];
    const rows = Object.entries(today.by_source).filter(([, sums]) => sums.calls || sums.saved_usd).slice(0, 6);
    const models = Object.entries(today.by_model);
    return [
      el("div", { class: "trio" }, trio.map(([name, value, kind]) => el("div", { class: kind }, el("b", {}, dollars(value)), el("span", { class: "quiet small" }, say(name))))),
      rows.length ? el("h3", {}, say("bySource")) : el("p", { class: "quiet" }, say("noMoney")),
      rows.length ? money(rows) : null,
      models.length ? el("h3", {}, say("byModel")) : null,
      models.length ? money(models) : null,
    ].filter(Boolean);
  });
}
