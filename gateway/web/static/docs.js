// /docs: the routes of /openapi.json, to read and to try.

import { ask, follow, query } from "./api.js";
import { words } from "./docs-words.js";
import { byId, el, prose } from "./dom.js";
import { languageSwitch, setToken, themeSwitch, token, translator } from "./settings.js";

const say = translator(words);
const SHOWN = ["cache-status", "age", "etag", "server-timing", "retry-after", "ratelimit", "www-authenticate", "x-request-id"];
let described = null;

const at = (reference) => reference.replace("#/", "").split("/").reduce((place, step) => place[step], described);
const resolved = (value) => (value.$ref ? at(value.$ref) : value);

function keyForm() {
  const input = el("input", { type: "password", "aria-label": say("key"), placeholder: say("key"), value: token(), autocomplete: "off" });
  const use = (event) => { event.preventDefault(); setToken(input.value); begin(); };
  return el("form", { class: "keys", onsubmit: use }, input, el("button", {}, say("use")));
}

function field(parameter) {
  const schema = parameter.schema;
  const choices = schema.enum;
  const named = { name: parameter.name, "data-place": parameter.in, required: parameter.required };
  const control = choices
    ? el("select", named, parameter.required ? null : el("option", { value: "" }, "–"), choices.map((each) => el("option", {}, each)))
    : el("input", { ...named, placeholder: schema.default ?? parameter.example ?? "", spellcheck: "false" });
  const name = el("span", {}, el("code", {}, parameter.name), parameter.required ? ` · ${say("required")}` : "");
  return el("label", {}, name, control, el("small", {}, prose(parameter.description ?? "")));
}

function example(schema, depth = 0) {
  const found = resolved(schema);
  const one = found.anyOf ? resolved(found.anyOf[0]) : found;
  if (one.enum) return one.enum[0];
  if (one.type === "object") {
    const names = one.required?.length ? one.required : Object.keys(one.properties ?? {}).slice(0, 2);
    return depth > 3 ? {} : Object.fromEntries(names.map((name) => [name, example(one.properties[name], depth + 1)]));
  }
  if (one.type === "array") return [example(one.items ?? {}, depth + 1)];
  return one.default ?? { string: "", integer: 1, number: 1, boolean: true }[one.type] ?? null;
}

function told(answer) {
  const lines = SHOWN.filter((name) => answer.headers.get(name)).map((name) => `${name}: ${answer.headers.get(name)}`);
  const body = answer.json === null ? answer.text : JSON.stringify(answer.json, null, 2);
  return [`${say("took", answer.status, answer.ms.toFixed(1))}\n${lines.join("\n")}`, body].join("\n\n");
}

function trial(method, path, operation) {
  const output = el("pre", { hidden: true, tabindex: "0", role: "region", "aria-label": say("said"), "aria-live": "polite" });
  const stop = el("button", { type: "button", hidden: true }, say("stop"));
  const streams = Object.values(operation.responses).some((each) => resolved(each).content?.["text/event-stream"]);
  const fields = operation.parameters.map(field);
  const schema = operation.requestBody?.content["application/json"].schema;
  const body = schema
    ? el("textarea", { name: "body", spellcheck: "false", value: JSON.stringify(example(schema), null, 2) }) : null;

  async function send(event) {
    event.preventDefault();
    const given = [...form.querySelectorAll("[data-place]")].filter((each) => each.value !== "");
    const of = (place) => Object.fromEntries(given.filter((each) => each.dataset.place === place).map((each) => [each.name, each.value]));
    const named = Object.entries(of("path")).reduce((whole, [name, value]) => whole.replace(`{${name}}`, encodeURIComponent(value)), path);
    const target = Object.keys(of("query")).length ? `${named}?${query(of("query"))}` : named;
    output.hidden = false;
    output.textContent = "…";
    try {
      if (streams) await listen(target);
      else output.textContent = told(await ask(method.toUpperCase(), target, { body: body?.value, headers: of("header") }));
    } catch { output.textContent ||= say("failed"); }
  }

  async function listen(target) {
    const ending = new AbortController();
    stop.hidden = false;
    stop.onclick = () => ending.abort();
    output.textContent = "";
    const heard = (name, data) => { output.textContent = `${output.textContent}${name}: ${JSON.stringify(data)}\n`.slice(-20000); };
    const status = await follow(target, heard, ending.signal).finally(() => { stop.hidden = true; });
    if (status !== 200) output.textContent = told(await ask("GET", target));
  }

  const form = el("form", { onsubmit: send, class: "inside" },
    fields.length ? el("h3", {}, say("parameters")) : null,
    fields.length ? el("div", { class: "fields" }, fields) : null,
    body ? el("label", {}, say("body"), body) : null,
    el("div", { class: "tools" }, el("button", { class: "first" }, say("send")), stop),
    output);
  return [form, schema ? el("details", { class: "inside" }, el("summary", {}, say("schema")), el("pre", { tabindex: "0", role: "region", "aria-label": say("schema") }, JSON.stringify(resolved(schema), null, 2))) : null];
}

function answers(operation) {
  const rows = Object.entries(operation.responses).map(([status, reply]) =>
    el("tr", {}, el("th", { scope: "row" }, status), el("td", {}, prose(resolved(reply).description))));
  const head = el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("status")), el("th", { scope: "col" }, say("meaning"))));
  return el("div", { class: "inside" }, el("h3", {}, say("answers")), el("table", {}, head, el("tbody", {}, rows)));
}

function route(path, method, operation) {
  const scopes = operation.security?.[0].bearer ?? [];
  const needed = operation.security ? (scopes.length ? say("needs", scopes.join(", ")) : say("key")) : say("anybody");
  const heading = el("summary", {},
    el("span", { class: `badge method ${method}` }, method.toUpperCase()), el("code", {}, path),
    el("span", { class: "quiet" }, operation.summary), el("span", { class: "badge" }, needed));
  const details = el("details", { class: "card", id: operation.operationId }, heading);
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const about = operation.description ? el("div", { class: "inside" }, el("p", {}, prose(operation.description))) : null;
    details.append(...[about, ...trial(method, path, operation), answers(operation)].filter(Boolean));
  });
  return details;
}

async function begin() {
  described = (await ask("GET", "/openapi.json")).json;
  byId("about").textContent = described.info.description.replaceAll("`", "");
  const all = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
  byId("routes").replaceChildren(...described.tags.map(({ name }) =>
    el("section", { "aria-label": name }, el("h2", {}, name),
      all.filter((each) => each.operation.tags[0] === name).map((each) => route(each.path, each.method, each.operation)))));
}

document.querySelector(".skip").textContent = say("skip");
byId("tools").append(keyForm(), languageSwitch(say("language")),
  themeSwitch(say("theme"), { auto: say("auto"), light: say("light"), dark: say("dark") }));
begin();
