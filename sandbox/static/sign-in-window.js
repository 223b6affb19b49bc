/**
 * The window behind a sign-in button, and Teams' side of TeamsJS 2.x for the page in it: the page calls
 * `app.initialize()` and `authentication.notifySuccess()` or `notifyFailure()`, which are messages to its opener.
 */

const FEATURES = "popup,width=480,height=640";
const LOOK_EVERY_MS = 300;

// Nothing but to say how a sign-in ended is supported in such a window.
const RUNTIME = JSON.stringify({ apiVersion: 4, isLegacyTeams: false, supports: {} });
const CLIENT_SDK_VERSION = "2.58.0";

/**
 * Opens `url`; false if the browser does not let us. `onEnd(state)` is called once: with what the page gave to
 * `notifySuccess`, or with null when it failed or somebody closed the window.
 */
export function openSignIn(url, onEnd) {
  const popup = window.open(url, "_blank", FEATURES);
  if (!popup) return false;
  // No event tells that a window of another origin was closed.
  const watch = setInterval(() => popup.closed && end(null), LOOK_EVERY_MS);
  window.addEventListener("message", receive);

  function receive({ source, origin, data }) {
    // Entra's pages are shown in this window too, and have another origin.
    if (source !== popup || origin !== location.origin || typeof data?.func !== "string") return;
    if (data.func === "initialize") respond(data, ["authentication", "web", RUNTIME, CLIENT_SDK_VERSION]);
    else if (data.func === "authentication.authenticate.success") end(String(data.args?.[0] ?? ""));
    else if (data.func === "authentication.authenticate.failure") end(null);
  }

  /** TeamsJS finds the call that is answered by its uuid, older ones by its number. */
  const respond = ({ id, uuidAsString }, args) => popup.postMessage({ id, uuidAsString, args }, location.origin);

  function end(state) {
    clearInterval(watch);
    window.removeEventListener("message", receive);
    popup.close();
    onEnd(state);
  }

  return true;
}
