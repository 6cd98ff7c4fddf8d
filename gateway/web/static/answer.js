// One answer: where it came from, its way, its summary and its records.

import { el } from "./dom.js";
import { say } from "./dashboard-words.js";
import { count, duration, span } from "./figures.js";
import { timings, waterfall } from "./waterfall.js";

const HIDDEN = new Set(["id", "name", "summary"]);

export function origin(headers) {
  const status = headers.get("Cache-Status") ?? "";
  const tier = /detail=([\w-]+)/.exec(status)?.[1];
  if (tier === "similar") return say("fromSimilar");
  if (/;\s*hit/.test(status)) return say("fromTier", say(tier), span(Number(headers.get("Age") ?? 0)));
  return say(/collapsed/.test(status) ? "fromCollapsed" : "fromUpstream");
}

const text = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "–"));

function record(item) {
  const fields = Object.entries(item).filter(([name, value]) => !HIDDEN.has(name) && value !== null && value !== "");
  return el("details", { class: "record" },
    el("summary", {}, el("b", {}, text(item.name ?? item.id)), el("span", { class: "quiet small" }, text(item.id))),
    el("dl", {}, fields.map(([name, value]) => [el("dt", {}, name), el("dd", {}, text(value))]).flat()));
}

function summary(told) {
  if (!told) return null;
  const report = told.report ? el("pre", { tabindex: "0", role: "region", "aria-label": say("summary") }, JSON.stringify(told.report, null, 2)) : null;
  return el("figure", { class: "summary-text" }, told.text ? el("blockquote", {}, told.text) : null, report,
    el("figcaption", { class: "quiet small" }, `${say("by", told.by)} · ${say(told.grounded ? "grounded" : "ungrounded")}`));
}

export function shown(answer, wide) {
  const { json, headers, ms } = answer, timing = headers.get("Server-Timing"), chart = waterfall(wide, timing);
  const lacks = json.degraded.map((name) => el("span", { class: "badge half" }, name === "stale" ? say("staleWord") : `${say("degradedWord")}: ${name}`));
  const here = say("took", duration(ms), duration(timings(timing)[0]?.ms));
  const items = json.items.slice(0, 12);
  const credit = json.attribution;
  return [
    el("p", { class: "origin", id: "origin" }, el("b", {}, origin(headers)), " ", el("span", { class: "quiet small" }, here), " ", lacks),
    chart ? el("div", { class: "chart way" }, el("h3", {}, say("way")), chart) : null,
    summary(json.summary),
    el("h3", {}, json.items.length ? say("found", count(json.total ?? json.items.length), count(items.length)) : say("nothing")),
    el("div", { class: "records" }, items.map(record)),
    el("p", { class: "quiet small" }, [credit.text, credit.license].filter(Boolean).join(" · ")),
    el("details", {}, el("summary", {}, say("raw")), el("pre", { tabindex: "0", role: "region", "aria-label": say("raw") }, JSON.stringify(json, null, 2))),
  ].filter(Boolean);
}
