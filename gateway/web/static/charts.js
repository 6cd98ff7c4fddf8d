// Charts as SVG, as wide as their place, drawn anew from their numbers; each says what it shows.

import { svg } from "./dom.js";
import { duration, rate } from "./figures.js";

// How wide a chart may be within its element.
export const room = (element) => Math.max(240, Math.round(element.clientWidth) || 640);

const round = (value) => Math.round(value * 10) / 10;

function path(points) {
  return points.map(([x, y], index) => `${index ? "L" : "M"}${round(x)} ${round(y)}`).join("");
}

// The next round number above value: 1, 2 or 5 times a power of ten.
export function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value - 1e-12);
}

export function sparkline(values, size = 60) {
  const chart = svg("svg", { class: "spark", viewBox: `0 0 ${size} 20`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const shown = values.slice(-size);
  if (shown.length < 2) return chart;
  const top = Math.max(...shown, 1e-9);
  const points = shown.map((value, index) => [(index / (shown.length - 1)) * size, 19 - (value / top) * 16]);
  chart.append(
    svg("path", { d: `${path(points)}L${size} 20L0 20Z`, fill: "var(--accent)", opacity: 0.14 }),
    svg("path", { d: path(points), fill: "none", stroke: "var(--accent)", "stroke-width": 1.6, "vector-effect": "non-scaling-stroke", opacity: 0.8 }));
  return chart;
}

export function ring(share) {
  const around = 2 * Math.PI * 30;
  const arc = (color, length) => svg("circle", {
    cx: 38, cy: 38, r: 30, fill: "none", stroke: color, "stroke-width": 10, "stroke-linecap": length >= around ? "butt" : "round",
    "stroke-dasharray": `${length} ${around}`, transform: "rotate(-90 38 38)",
  });
  const chart = svg("svg", { viewBox: "0 0 76 76", "aria-hidden": "true" }, arc("var(--raised)", around));
  if (share) chart.append(arc("var(--memory)", share * around));
  return chart;
}

// Areas on each other: points are [{name: value}], the newest last.
export function stack(wide, points, names, span, label) {
  const high = 220, left = 34, bottom = 22, depth = high - bottom - 8;
  const totals = points.map((point) => names.reduce((whole, name) => whole + point[name], 0));
  const top = Math.max(1, ceiling(Math.max(0, ...totals)));
  const x = (index) => left + ((span - points.length + index) / (span - 1)) * (wide - left);
  const y = (value) => 8 + depth - (value / top) * depth;
  const chart = svg("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": label.whole });
  for (const share of [0, 0.5, 1]) {
    chart.append(
      svg("line", { class: "axis", x1: left, x2: wide, y1: y(share * top), y2: y(share * top) }),
      svg("text", { x: left - 8, y: y(share * top) + 4, "text-anchor": "end" }, rate(share * top)));
  }
  let under = points.map(() => 0);
  for (const name of names) {
    const over = points.map((point, index) => under[index] + point[name]);
    if (points.length > 1 && over.some((value, index) => value > under[index])) {
      const edge = over.map((value, index) => [x(index), y(value)]);
      const back = under.map((value, index) => [x(index), y(value)]).reverse();
      chart.append(
        svg("path", { class: `${name} fill`, opacity: 0.78, d: `${path([...edge, ...back])}Z` }),
        svg("path", { class: `${name} line`, "stroke-width": 1.5, d: path(edge) }));
    }
    under = over;
  }
  chart.append(
    svg("text", { x: left, y: high - 4 }, label.from),
    svg("text", { x: wide, y: high - 4, "text-anchor": "end" }, label.to));
  return chart;
}

// Latencies on a scale by powers of ten: rows are {name, title, p50, p95, p99} in milliseconds.
export function ranges(wide, rows, label) {
  const row = 50, left = 4, right = 14;
  const all = rows.flatMap(({ p50, p99 }) => [p50, p99]);
  const low = Math.floor(Math.log10(Math.min(...all))), high = Math.max(Math.ceil(Math.log10(Math.max(...all))), low + 1);
  const x = (ms) => left + ((Math.log10(ms) - low) / (high - low)) * (wide - left - right);
  const height = rows.length * row + 24;
  const chart = svg("svg", { viewBox: `0 0 ${wide} ${height}`, role: "img", "aria-label": rows.map(label).join("; ") });
  const every = Math.ceil(((high - low) * 62) / wide); // so that no two labels touch
  for (let power = low; power <= high; power += 1) {
    const at = x(10 ** power), anchor = power === low ? "start" : power === high ? "end" : "middle";
    chart.append(svg("line", { class: "axis", x1: at, x2: at, y1: 0, y2: height - 20 }));
    if ((power - low) % every === 0) chart.append(svg("text", { x: at, y: height - 4, "text-anchor": anchor }, duration(10 ** power)));
  }
  rows.forEach(({ name, title, p50, p95, p99 }, index) => {
    const y = index * row + 34;
    chart.append(
      svg("text", { class: "strong", x: left + 4, y: y - 16 }, title),
      svg("text", { x: wide - right, y: y - 16, "text-anchor": "end" }, `${duration(p50)} · ${duration(p95)} · ${duration(p99)}`),
      svg("line", { class: `${name} line`, x1: x(p50), x2: x(p99), y1: y, y2: y, "stroke-width": 3, opacity: 0.4 }),
      svg("line", { class: `${name} line`, x1: x(p50), x2: x(p95), y1: y, y2: y, "stroke-width": 8, "stroke-linecap": "round", opacity: 0.75 }),
      svg("line", { class: `${name} line`, x1: x(p99), x2: x(p99), y1: y - 7, y2: y + 7, "stroke-width": 2.5 }),
      svg("circle", { class: `${name} fill`, cx: x(p50), cy: y, r: 7, stroke: "var(--card)", "stroke-width": 2 }));
  });
  return chart;
}
