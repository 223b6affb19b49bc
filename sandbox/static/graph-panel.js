/** The right panel: what the bot asks Microsoft Graph, call by call. */

import { h, timeOf } from "./dom.js";

const GUID = /\b([0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{8}([0-9a-f]{4})\b/gi;

const REASONS = {
  200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 304: "Not Modified", 400: "Bad Request",
  401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
  412: "Precondition Failed", 424: "Failed Dependency", 429: "Too Many Requests", 500: "Server Error",
  502: "Bad Gateway", 503: "Unavailable", 504: "Gateway Timeout",
};

const AT_END_PX = 60;

export class GraphPanel {
  #list;
  #empty;
  #count;
  #scroller;
  #rows = new Map();
  // A reconnection replays everything; what was cleared stays cleared. With the time, because ids begin anew when
  // the sandbox is started again.
  #cleared = new Set();

  constructor({ list, empty, count, scroller, clearButton }) {
    this.#list = list;
    this.#empty = empty;
    this.#count = count;
    this.#scroller = scroller;
    clearButton.addEventListener("click", () => this.#clear());
  }

  reset() {
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#refresh();
  }

  add(call) {
    if (this.#cleared.has(keyOf(call))) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const wasAtEnd = scrollHeight - scrollTop - clientHeight < AT_END_PX;
    const row = renderCall(call);
    this.#rows.get(call.id)?.element.remove();
    this.#rows.set(call.id, { call, element: row });
    this.#place(call, row);
    this.#refresh();
    if (wasAtEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  /** A part of a batch goes under its batch, whichever of the two is reported first. */
  #place(call, row) {
    const parent = this.#rows.get(call.parent)?.element;
    (parent ? partsOf(parent) : this.#list).append(row);
    for (const other of this.#rows.values()) {
      if (other.call.parent != null && other.call.parent === call.id) partsOf(row).append(other.element);
    }
  }

  #clear() {
    for (const { call } of this.#rows.values()) this.#cleared.add(keyOf(call));
    this.reset();
  }

  #refresh() {
    this.#empty.hidden = this.#rows.size > 0;
    this.#count.textContent = this.#rows.size;
  }
}

const keyOf = (call) => `${call.id}@${call.at}`;

function partsOf(row) {
  const parts = row.querySelector(":scope > ol") ?? h("ol", { class: "calls parts", "aria-label": "Parts of the batch" });
  row.append(parts);
  return parts;
}

function renderCall(call) {
  const { method, path, status } = call;
  return h(
    "li",
    { class: "call", "data-testid": "graph-call", "data-method": method, "data-status": status },
    h(
      "details",
      {},
      h(
        "summary",
        { title: `${method} ${path}` },
        h("span", { class: `method ${method.toLowerCase()}` }, method),
        h("span", { class: "path" }, ...breakable(shorten(path))),
        h(
          "span",
          { class: "result" },
          h("span", { class: `status ${outcome(status)}` }, statusText(status)),
          h("span", { class: "ms" }, [duration(call.ms), call.actor].filter(Boolean).join(" · ")),
        ),
      ),
      h("p", { class: "call-facts" }, timeOf(call.at)),
      body("Request", call.requestBody),
      body("Response", call.responseBody),
    ),
  );
}

/** First and last four digits: the sandbox's object ids begin alike. */
const shorten = (path) => path.replace(GUID, "$1…$2");

/** `path` with a chance to break after each slash. */
function breakable(path) {
  const pieces = path.split(/(?<=\/)/);
  return pieces.flatMap((piece, index) => (index ? [h("wbr"), piece] : [piece]));
}

function outcome(status) {
  if (!status || status >= 500) return "is-broken";
  return status >= 400 ? "is-refused" : "is-done";
}

const statusText = (status) => (status ? `${status} ${REASONS[status] ?? ""}`.trim() : "No answer");

const duration = (ms) => (ms == null ? "" : `${Math.round(ms)} ms`);

function body(title, content) {
  if (content == null || content === "") return h("p", { class: "call-body-title" }, `${title}: no body`);
  return h("div", {}, h("p", { class: "call-body-title" }, title), h("pre", { tabindex: "0" }, pretty(content)));
}

function pretty(content) {
  if (typeof content !== "string") return JSON.stringify(content, null, 2);
  try {
    return JSON.stringify(JSON.parse(content), null, 2);
  } catch {
    return content;
  }
}
