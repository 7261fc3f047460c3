// Reads /openapi.json and shows it. Everything is set as text, never as HTML, and nothing is asked of anyone else.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 3;
let spec;

/** An element with attributes and children; a child that is a string becomes text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** What a {"$ref": "#/…"} stands for; anything else is itself. */
function resolve(node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((place, name) => place[name], spec);
}

/** `code` in a text. */
function marked(text) {
  return text.split("`").map((part, number) => (number % 2 ? make("code", {}, part) : part));
}

/** Paragraphs and lists of the description. */
function prose(text) {
  return text.trim().split(/\n\n+/).map((block) => {
    if (!block.startsWith("- ")) return make("p", {}, marked(block));
    return make("ul", {}, block.slice(2).split(/\n- /).map((item) => make("li", {}, marked(item))));
  });
}

// --- schemas -------------------------------------------------------------------------------------------------------

function typeOf(schema) {
  schema = resolve(schema) || {};
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  const types = [schema.type || (schema.properties ? "object" : "any")].flat();
  return types.map((type) => (type === "array" ? `list of ${typeOf(schema.items)}` : type)).join(" or ");
}

function rulesOf(schema) {
  const told = [];
  if (schema.enum) told.push(`one of ${schema.enum.map((each) => JSON.stringify(each)).join(", ")}`);
  if (schema.minLength !== undefined || schema.maxLength !== undefined)
    told.push(`${schema.minLength || 0} to ${schema.maxLength ?? "any number of"} characters`);
  if (schema.minimum !== undefined || schema.maximum !== undefined)
    told.push(`${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}`);
  if (schema.maxItems !== undefined) told.push(`at most ${schema.maxItems}`);
  if (schema.pattern) told.push(`matches ${schema.pattern}`);
  if (schema.format) told.push(schema.format);
  if (schema.default !== undefined && schema.default !== null) told.push(`default ${JSON.stringify(schema.default)}`);
  return told.join("; ");
}

/** The schema whose properties are worth a table: of an object, of the items of a list, of what may be null. */
function objectIn(schema) {
  schema = resolve(schema);
  if (!schema) return null;
  if (schema.properties) return schema;
  if (schema.items) return objectIn(schema.items);
  return (schema.anyOf || []).map(objectIn).find(Boolean) || null;
}

function fieldRows(schema, depth = 0) {
  const found = objectIn(schema);
  if (!found || depth > DEEPEST) return [];
  return Object.entries(found.properties).flatMap(([name, field]) => {
    const whole = resolve(field);
    const needed = (found.required || []).includes(name);
    const told = [field.description || whole.description, rulesOf(whole)].filter(Boolean).join(" · ");
    const row = make("tr", {},
      make("td", { class: `field-${depth}` }, make("code", {}, name), needed ? "" : " (optional)"),
      make("td", {}, typeOf(field)),
      make("td", {}, marked(told)));
    return [row, ...fieldRows(field, depth + 1)];
  });
}

function table(...rows) {
  return make("table", {}, make("tbody", {}, ...rows));
}

function json(value) {
  return JSON.stringify(value, null, 2);
}

// --- one operation -------------------------------------------------------------------------------------------------

function parameterTable(parameters) {
  const rows = parameters.map((each) => make("tr", {},
    make("td", {}, make("code", {}, each.name), each.required ? "" : " (optional)"),
    make("td", {}, each.in),
    make("td", {}, marked([each.description, rulesOf(each.schema)].filter(Boolean).join(" · ")))));
  return [make("h3", {}, "Parameters"), table(rows)];
}

function bodyOf(operation) {
  const [type, content] = Object.entries(operation.requestBody?.content || {})[0] || [];
  return content ? { type, ...content } : null;
}

function bodyPart(body) {
  if (!body) return [];
  return [make("h3", {}, `Body: ${body.type}`), table(fieldRows(body.schema)),
    body.example ? make("pre", {}, json(body.example)) : null];
}

function responsePart(status, response) {
  response = resolve(response);
  const [type, content] = Object.entries(response.content || {})[0] || [];
  const rows = content ? fieldRows(content.schema) : [];
  const headers = Object.keys(response.headers || {}).join(", ");
  return make("details", {},
    make("summary", {}, make("code", {}, status), " ", marked(response.description || "")),
    type ? make("p", { class: "soft" }, type) : null,
    headers ? make("p", { class: "soft" }, `Headers: ${headers}`) : null,
    rows.length ? table(rows) : null);
}

function inside(path, method, operation) {
  const parameters = operation.parameters.map(resolve);
  return make("div", { class: "inside" },
    operation.description ? prose(operation.description) : [],
    parameterTable(parameters), bodyPart(bodyOf(operation)),
    make("h3", {}, "Answers"),
    Object.entries(operation.responses).map(([status, response]) => responsePart(status, response)),
    make("h3", {}, "Try it"), tryPart(path, method, parameters, bodyOf(operation)));
}

function operationCard(path, method, operation) {
  const isOpen = operation.security.some((each) => !Object.keys(each).length);
  const card = make("details", { class: "operation", id: operation.operationId },
    make("summary", {},
      make("span", { class: `method ${method}` }, method),
      make("span", { class: "path" }, path),
      isOpen ? make("span", { class: "open" }, "no token needed") : null,
      make("span", { class: "told" }, operation.summary || "")));
  // Filled when it is opened: the whole document at once would be slow to lay out.
  card.addEventListener("toggle", () => {
    if (card.open && card.children.length === 1) card.append(inside(path, method, operation));
  });
  return card;
}

// --- trying it -----------------------------------------------------------------------------------------------------

function tryPart(path, method, parameters, body) {
  const shown = parameters.filter((each) => each.in !== "header" || each.name === "If-Match");
  const inputs = shown.map((each) => [each, make("input", { "aria-label": each.name })]);
  const isFile = body && body.type === "multipart/form-data";
  const text = body && !isFile ? make("textarea", { spellcheck: "false", "aria-label": "body" }, json(body.example || {})) : null;
  const file = isFile ? make("input", { type: "file", "aria-label": "file" }) : null;
  const answer = make("div", { "aria-live": "polite" });
  const send = () => ask(path, method, inputs, text, file).then((shown) => answer.replaceChildren(...shown));
  return make("div", { class: "try" },
    inputs.map(([each, input]) => make("label", {}, each.name, input)), text, file,
    make("button", { type: "button", onclick: send }, "Send"), answer);
}

function urlOf(path, inputs) {
  const query = new URLSearchParams();
  for (const [each, input] of inputs) {
    if (each.in === "path") path = path.replace(`{${each.name}}`, encodeURIComponent(input.value));
    if (each.in === "query" && input.value) query.set(each.name, input.value);
  }
  return query.size ? `${path}?${query}` : path;
}

function headersOf(inputs) {
  const token = document.getElementById("token").value.trim();
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  for (const [each, input] of inputs) if (each.in === "header" && input.value) headers[each.name] = input.value;
  return headers;
}

async function ask(path, method, inputs, text, file) {
  const request = { method: method.toUpperCase(), headers: headersOf(inputs) };
  if (text) {
    request.body = text.value;
    request.headers["Content-Type"] = "application/json";
  } else if (file && file.files.length) {
    request.body = new FormData();
    request.body.set("file", file.files[0]);
  }
  try {
    const answer = await fetch(urlOf(path, inputs), request);
    rememberToken(answer.clone());
    const shown = await answer.text();
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    return [make("p", { class: answer.ok ? "" : "failed" }, `${answer.status} ${answer.statusText}`),
      make("pre", {}, headers), make("pre", {}, readable(shown))];
  } catch (error) {
    return [make("p", { class: "failed" }, String(error))];
  }
}

/** Signing in here signs in the whole page, until it is closed. */
async function rememberToken(answer) {
  if (!answer.ok || !answer.url.endsWith("/auth/login")) return;
  document.getElementById("token").value = (await answer.json()).access_token;
}

function readable(text) {
  try {
    return json(JSON.parse(text));
  } catch {
    return text;
  }
}

// --- the whole page ------------------------------------------------------------------------------------------------

function operations() {
  return Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method] })));
}

function show() {
  const byTag = spec.tags.map((tag) => [tag, operations().filter((each) => each.operation.tags.includes(tag.name))]);
  document.getElementById("main").replaceChildren(...prose(spec.info.description),
    make("p", {}, make("a", { href: "/openapi.json" }, "/openapi.json")),
    ...byTag.map(([tag, found]) => make("section", {},
      make("h2", {}, tag.name), make("p", { class: "soft" }, tag.description || ""),
      found.map((each) => operationCard(each.path, each.method, each.operation)))));
  document.getElementById("contents").replaceChildren(...byTag.flatMap(([tag, found]) => [
    make("h2", {}, tag.name),
    ...found.map(({ path, method, operation }) => make("a", { href: `#${operation.operationId}`, title: operation.summary },
      make("span", { class: method }, method.toUpperCase()), ` ${path.replace("/api/v1", "")}`))]));
}

function filter(words) {
  const wanted = words.toLowerCase().split(/\s+/);
  for (const { path, method, operation } of operations()) {
    const text = `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase();
    document.getElementById(operation.operationId).hidden = !wanted.every((word) => text.includes(word));
  }
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named || !named.matches("details.operation")) return;
  named.open = true;
  named.scrollIntoView();
}

async function start() {
  try {
    spec = await (await fetch("/openapi.json")).json();
  } catch (error) {
    document.getElementById("main").replaceChildren(make("p", { class: "failed" }, `/openapi.json: ${error}`));
    return;
  }
  show();
  openNamed();
  window.addEventListener("hashchange", openNamed);
  document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  document.getElementById("tools").addEventListener("submit", (event) => event.preventDefault());
}

start();
