// The search box: asks as any client does, and shows the answer and how it came.

import { shown } from "./answer.js";
import { ask, query } from "./api.js";
import { room } from "./charts.js";
import { renew, sure, trouble, withdraw } from "./changes.js";
import { byId, el } from "./dom.js";
import { say } from "./dashboard-words.js";

let sources = [];
let form, own, output, actions, names;

const chosen = () => sources.find(({ name }) => name === form.elements.source.value);

// What is asked, as the parameters of a search.
function asked() {
  const given = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
  return Object.fromEntries(given.filter(([, value]) => value !== ""));
}

function tell(content, bad = false) {
  const note = typeof content === "string" ? el("p", { class: `note${bad ? " bad" : ""}` }, content) : content;
  output.replaceChildren(...[note].flat());
}

async function during(work) {
  output.setAttribute("aria-busy", "true");
  try { await work(); } catch { tell(say("unreachable"), true); } finally { output.removeAttribute("aria-busy"); }
}

function put(answer) {
  const wide = Math.min(room(byId("lookup-body")) - 30, 900); // within its frame
  tell(answer.ok ? shown(answer, wide) : trouble(answer), !answer.ok);
  actions.hidden = false;
}

const find = () => during(async () => put(await ask("GET", `/v1/search?${query(asked())}`)));
const again = () => during(async () => put(await renew(asked())));

async function drop(body, question) {
  if (!(await sure(question))) return;
  await during(async () => { const { text, bad } = await withdraw(body); tell(text, bad); });
}

function dropAnswer() {
  const { limit, fields, summary, ...lookup } = asked();
  return drop(lookup, say("sureKey", lookup.q ?? Object.values(lookup).join(" ")));
}

const dropSource = () => drop({ source: chosen().name }, say("sureSource", chosen().name));

function field({ name, description = "", required, enum: choices, default: usual }) {
  const control = choices
    ? el("select", { name, required }, required ? null : el("option", { value: "" }, "–"), choices.map((each) => el("option", {}, each)))
    : el("input", { name, required, placeholder: usual ?? "", spellcheck: "false" });
  return el("label", { title: description }, el("span", {}, name, required ? " *" : ""), control);
}

function choose() {
  own.replaceChildren(...chosen().parameters.map(field));
  names.replaceChildren();
  byId("drop-source").textContent = say("dropSource", chosen().name);
}

let typed = 0;
async function suggest(event) {
  const q = event.target.value.trim(), mine = (typed += 1);
  if (!q) return;
  const answer = await ask("GET", `/v1/suggest?${query({ source: chosen().name, q, limit: "8" })}`).catch(() => null);
  if (mine === typed && answer?.ok) names.replaceChildren(...answer.json.suggestions.map(({ name }) => el("option", { value: name })));
}

// Ask for what a row of another list names.
export function look({ source, query: q, keyword, params = {} }) {
  if (!sources.some(({ name }) => name === source)) return;
  form.elements.source.value = source;
  choose();
  form.elements.q.value = q ?? "";
  form.elements.keyword.value = keyword ?? "";
  for (const [name, value] of Object.entries(params)) if (form.elements[name]) form.elements[name].value = value;
  byId("lookup").scrollIntoView({ block: "start" });
  byId("lookup").focus({ preventScroll: true });
  find();
}

// Return whether there is anything to ask: on the port of the operators there may be nothing.
export async function open() {
  const answer = await ask("GET", "/v1/sources").catch(() => null);
  sources = answer?.json?.sources ?? [];
  byId("lookup").hidden = answer?.status === 404;
  if (!sources.length) { byId("lookup-body").replaceChildren(el("p", { class: "quiet" }, say("noSource"))); return; }
  names = el("datalist", { id: "names" });
  own = el("div", { class: "own" });
  output = el("div", { id: "answer", role: "group", "aria-live": "polite", "aria-label": say("lookup") });
  const source = el("select", { name: "source", onchange: choose }, sources.map(({ name }) => el("option", {}, name)));
  form = el("form", { class: "ask", onsubmit: (event) => { event.preventDefault(); find(); } },
    el("label", {}, say("source"), source),
    el("label", { class: "q" }, say("q"), el("input", { name: "q", type: "search", list: "names", maxlength: 200, autocomplete: "off", oninput: suggest }), names),
    el("label", {}, say("keyword"), el("input", { name: "keyword", maxlength: 200, autocomplete: "off" })),
    own, el("button", { class: "first", id: "find" }, say("find")));
  actions = el("div", { class: "row", hidden: true },
    el("button", { type: "button", id: "again", onclick: again }, say("refresh")),
    el("button", { type: "button", id: "drop", class: "risky", onclick: dropAnswer }, say("drop")),
    el("button", { type: "button", id: "drop-source", class: "risky", onclick: dropSource }));
  byId("lookup-body").replaceChildren(form, actions, output);
  choose();
}
