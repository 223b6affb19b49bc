/** The sandbox's HTTP API: requests and one stream. */

/** The sandbox gave no answer, or not a 2xx one. `message` has the detail, if there is any. */
export class SandboxSilent extends Error {}

export const fetchPeople = () => request("/api/people");

export const sendMessage = (oid, text) => post(oid, "messages", { text });

export const pressAction = (oid, messageId, action) => post(oid, "actions", { messageId, action });

/** The sign-in window of a message has closed; `state` is what its page gave to Teams, or null. */
export const closeSignIn = (oid, messageId, state) => post(oid, "sign-in", { messageId, state });

export const fetchSituations = () => request("/api/situations");

/** `person` is an object id, or null for everybody; the answer is that of `fetchSituations`. */
export const switchSituation = (name, person, on) => postJson("/api/situations", { name, person, on });

const personUrl = (oid, rest) => `/api/people/${encodeURIComponent(oid)}/${rest}`;

const post = (oid, rest, body) => postJson(personUrl(oid, rest), body);

const postJson = (url, body) =>
  request(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

async function request(url, options) {
  const response = await fetch(url, options).catch((cause) => {
    throw new SandboxSilent("", { cause });
  });
  if (!response.ok) throw new SandboxSilent(`HTTP ${response.status}`);
  return response.json();
}

const REOPEN_AFTER_MS = 3000;

/**
 * Follows one person's chat until the returned function is called.
 *
 * `handlers` maps the names of server-sent events to functions of their JSON; `onConnected(true | false)` tells
 * when the stream comes and goes.
 */
export function follow(oid, handlers, onConnected) {
  let source;
  let timer;

  function open() {
    source = new EventSource(personUrl(oid, "events"));
    source.addEventListener("open", () => onConnected(true));
    for (const [name, handle] of Object.entries(handlers)) source.addEventListener(name, deliverTo(handle));
    source.addEventListener("error", lost);
  }

  function lost(event) {
    if (isMessage(event)) return;
    onConnected(false);
    // The browser reconnects by itself after a lost connection, but gives up for good on an HTTP error.
    if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, REOPEN_AFTER_MS);
  }

  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

// The sandbox's own event `error` has the name of EventSource's connection error; only ours carries data.
const isMessage = (event) => event instanceof MessageEvent;

const deliverTo = (handle) => (event) => {
  if (isMessage(event)) handle(JSON.parse(event.data || "{}"));
};
