/** Small helpers for building and finding elements. */

/**
 * An element with attributes and children. Strings become text nodes, so nothing that a bot or Graph says is
 * parsed as HTML here. An attribute that is `false`, `null` or `undefined` is left out; `on…` is a listener.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** `url` if it is an absolute http(s) address, else undefined: what a bot sends must not become `javascript:`. */
export function webUrl(url) {
  try {
    const { protocol, href } = new URL(url);
    return ["http:", "https:"].includes(protocol) ? href : undefined;
  } catch {
    return undefined;
  }
}

const clockTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** `at` as hours and minutes. The sandbox sends ISO 8601 or seconds since 1970. */
export function timeOf(at) {
  const date = toDate(at);
  return Number.isNaN(date.getTime()) ? "" : clockTime.format(date);
}

const toDate = (at) => new Date(typeof at === "number" ? at * 1000 : at);
