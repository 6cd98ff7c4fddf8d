// Elements from data. Text goes in as text: nothing that comes from elsewhere is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

// Put children into an element only when what they show has changed: whoever reads or holds the
// focus there is not disturbed each second.
const shown = new WeakMap();
export function show(element, signature, make) {
  const mark = JSON.stringify(signature);
  if (shown.get(element) === mark) return;
  shown.set(element, mark);
  element.replaceChildren(...[make()].flat());
}

// Backquotes mark code in our own descriptions.
export function prose(text) {
  return String(text).split(/`+/).map((part, index) => (index % 2 ? el("code", {}, part) : part));
}
