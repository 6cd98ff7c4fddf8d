// Numbers as people read them.

import { language } from "./settings.js";

const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });

export const count = (value) => (value < 100000 ? plain.format(value) : short.format(value));
export const rate = (value) => (value < 10 ? fine : plain).format(value);
export const percent = (share) => (share === null || Number.isNaN(share) ? "–" : `${fine.format(share * 100)} %`);

export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 1) return `${plain.format(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toPrecision(2) : plain.format(ms)} ms`;
  return span(ms / 1000);
}

export function span(seconds) {
  if (seconds < 60) return `${seconds < 10 ? fine.format(seconds) : plain.format(seconds)} s`;
  if (seconds < 3600) return `${plain.format(Math.floor(seconds / 60))} min`;
  if (seconds < 172800) return `${fine.format(seconds / 3600)} h`;
  return `${plain.format(seconds / 86400)} d`;
}

export function dollars(value) {
  if (!value) return "$0";
  return value < 0.01 ? `$${value.toPrecision(2)}` : `$${new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: value < 1 ? 4 : 2 }).format(value)}`;
}
