// Server-Timing as a waterfall: each step a bar from where it began, for as long as it took.

import { svg } from "./dom.js";
import { say } from "./dashboard-words.js";
import { duration } from "./figures.js";

const COLORS = { memory: "memory", redis: "redis", database: "database", upstream: "upstream", summary: "summary-step" };

// "memory;desc=\"miss\";dur=0.02;start=0.1, …" as [{name, note, ms, start}]
export function timings(header) {
  return [...(header ?? "").matchAll(/([\w.-]+)((?:;[\w]+=(?:"[^"]*"|[^;,\s]+))*)/g)].map(([, name, rest]) => {
    const members = Object.fromEntries([...rest.matchAll(/;(\w+)=(?:"([^"]*)"|([^;,\s]+))/g)].map(([, key, quoted, bare]) => [key, quoted ?? bare]));
    return { name, note: members.desc ?? "", ms: Number(members.dur ?? 0), start: members.start === undefined ? null : Number(members.start) };
  });
}

// Steps after the whole; one that does not say when it began comes after the one before.
export function steps(told) {
  const [whole, ...rest] = told;
  let end = 0;
  const placed = rest.map((step) => {
    const start = step.start ?? end;
    end = start + step.ms;
    return { ...step, start };
  });
  return { whole, steps: placed.length ? placed : [{ ...whole, name: whole.note || whole.name, start: 0 }] };
}

export function waterfall(wide, header) {
  const told = timings(header);
  if (!told.length) return null;
  const { whole, steps: rows } = steps(told);
  const span = Math.max(whole.ms, ...rows.map((row) => row.start + row.ms), 1e-6);
  const name = Math.min(128, wide * 0.3), figures = 74, high = 30;
  const x = (ms) => name + (ms / span) * (wide - name - figures);
  const label = rows.map((row) => say("wayLabel", say(row.name), duration(row.start), duration(row.ms))).join("; ");
  const chart = svg("svg", { viewBox: `0 0 ${wide} ${rows.length * high + 22}`, role: "img", "aria-label": label });
  for (const share of [0, 0.5, 1]) {
    const at = x(share * span);
    chart.append(
      svg("line", { class: "axis", x1: at, x2: at, y1: 0, y2: rows.length * high }),
      svg("text", { x: at, y: rows.length * high + 16, "text-anchor": share ? "middle" : "start" }, share ? duration(share * span) : "0"));
  }
  rows.forEach((row, index) => {
    const y = index * high, kind = COLORS[row.name] ?? "total";
    chart.append(
      svg("text", { class: "strong", x: 0, y: y + 13 }, say(row.name)),
      svg("text", { x: 0, y: y + 26 }, row.note === row.name ? "" : row.note),
      svg("rect", { class: `${kind} fill step`, x: x(row.start), y: y + 6, height: 17, rx: 4, width: Math.max(3, x(row.start + row.ms) - x(row.start)) }),
      svg("text", { x: wide, y: y + 19, "text-anchor": "end" }, duration(row.ms)));
  });
  return chart;
}
