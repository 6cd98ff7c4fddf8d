// What a person has chosen: the language, the colors, and the key, which lasts as long as the tab.

import { el } from "./dom.js";

const read = (store, name) => { try { return store.getItem(name); } catch { return null; } };
const write = (store, name, value) => { try { store.setItem(name, value); } catch { /* private windows */ } };

export const language = read(localStorage, "lang") ?? (navigator.language.startsWith("ko") ? "ko" : "en");
document.documentElement.lang = language;

const dark = matchMedia("(prefers-color-scheme: dark)");
const chosen = () => read(localStorage, "theme") ?? "auto";
function paint() {
  const theme = chosen() === "auto" ? (dark.matches ? "dark" : "light") : chosen();
  document.documentElement.dataset.theme = theme;
}
paint();
dark.addEventListener("change", paint);

export function translator(words) {
  return (name, ...values) => {
    const text = words[language]?.[name] ?? words.en[name] ?? name;
    return values.reduce((whole, value, index) => whole.replaceAll(`{${index}}`, value), text);
  };
}

export function languageSwitch(label) {
  const change = (event) => { write(localStorage, "lang", event.target.value); location.reload(); };
  const option = (value, name) => el("option", { value, lang: value, selected: value === language }, name);
  return el("select", { "aria-label": label, onchange: change, id: "language" }, option("ko", "한국어"), option("en", "English"));
}

export function themeSwitch(label, names) {
  const change = (event) => { write(localStorage, "theme", event.target.value); paint(); };
  const options = ["auto", "light", "dark"].map((value) =>
    el("option", { value, selected: value === chosen() }, names[value]));
  return el("select", { "aria-label": label, onchange: change, id: "theme" }, options);
}

export const token = () => read(sessionStorage, "token") ?? "";
export const setToken = (value) => write(sessionStorage, "token", value.trim());
