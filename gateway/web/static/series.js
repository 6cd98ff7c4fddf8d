// The last two minutes of snapshots, and what happened between them.

export const SPAN = 120;
export const OUTCOMES = ["hit", "stale", "collapsed", "similar", "miss", "failed"];

const sum = (counts) => Object.values(counts).reduce((whole, value) => whole + value, 0);

export function outcomes(stats) {
  const { answered, failed } = stats.lookups;
  return { ...Object.fromEntries(OUTCOMES.map((name) => [name, answered[name] ?? 0])), failed: sum(failed) };
}

export class Series {
  constructor() { this.clear(); }

  clear() {
    this.points = []; // { at, rates: {outcome: per second}, counts }
    this.last = null;
  }

  add(stats, at = performance.now() / 1000) {
    const counts = outcomes(stats);
    // Another process, or the same one begun anew, counts from zero.
    if (this.last && stats.uptime_seconds < this.last.uptime) this.clear();
    if (this.last) {
      const seconds = Math.max(at - this.last.at, 0.2);
      const rates = Object.fromEntries(OUTCOMES.map((name) => [name, Math.max(0, counts[name] - this.last.counts[name]) / seconds]));
      this.points = [...this.points, { at, rates, counts }].slice(-SPAN);
    }
    this.last = { at, counts, uptime: stats.uptime_seconds };
  }

  get totals() { return this.points.map(({ rates }) => sum(rates)); }

  // The mean of the last few seconds is calmer to read than each single one.
  get rate() {
    const recent = this.totals.slice(-5);
    return recent.length ? recent.reduce((whole, value) => whole + value, 0) / recent.length : 0;
  }

  get recentRatio() {
    const { counts } = this.last ?? {};
    const first = this.points[0]?.counts;
    if (!first) return null;
    const grown = Object.fromEntries(OUTCOMES.map((name) => [name, counts[name] - first[name]]));
    return ratio(grown);
  }
}

export function ratio(counts) {
  const all = sum(counts);
  return all ? (counts.hit + counts.stale) / all : null;
}
