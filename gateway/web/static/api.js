// Asking the gateway. Browsers' own EventSource sends no Authorization, so streams are read by hand.

import { token } from "./settings.js";

const shown = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

// Ask; return the status, the headers, the body as text and as JSON where it is any, and the milliseconds.
export async function ask(method, path, { body, headers = {}, signal } = {}) {
  const sent = { ...shown(), ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const began = performance.now();
  const response = await fetch(path, { method, headers: sent, body, signal, cache: "no-store" });
  const text = await response.text();
  const ms = performance.now() - began;
  let json = null;
  try { json = JSON.parse(text); } catch { /* not JSON */ }
  return { ok: response.ok, status: response.status, headers: response.headers, text, json, ms };
}

export const query = (given) => new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ""));

// Follow a stream of server-sent events; resolves with the status when it ends or is refused.
export async function follow(path, heard, signal) {
  const response = await fetch(path, { headers: shown(), signal, cache: "no-store" });
  if (!response.ok) return response.status;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let buffer = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return 200;
    buffer += value;
    for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
      const members = Object.fromEntries(buffer.slice(0, end).split("\n").filter((line) => line && !line.startsWith(":"))
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trimStart()]));
      buffer = buffer.slice(end + 2);
      if (members.data) heard(members.event ?? "message", JSON.parse(members.data));
    }
  }
}
