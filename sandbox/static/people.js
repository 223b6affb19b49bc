/** Who one can be: a list at the left, or a dropdown on a phone. The choice lives in `location.hash`. */

import { h } from "./dom.js";

const AVATAR_TINTS = 5;

/**
 * Draws both forms of the list and calls `onChoice(person)` now and whenever the hash changes.
 * A hash that names nobody means the first person.
 */
export function initPeople(people, { list, select, situation }, onChoice) {
  const rows = people.map(personRow);
  list.replaceChildren(...rows);
  select.replaceChildren(...people.map(({ oid, displayName }) => h("option", { value: oid }, displayName)));

  const choose = (oid) => (location.hash = oid);
  list.addEventListener("change", (event) => choose(event.target.value));
  select.addEventListener("change", () => choose(select.value));

  function applyHash() {
    const person = people.find(({ oid }) => oid === location.hash.slice(1)) ?? people[0];
    history.replaceState(null, "", `#${person.oid}`);
    list.querySelector(`input[value="${CSS.escape(person.oid)}"]`).checked = true;
    select.value = person.oid;
    situation.textContent = person.situation;
    onChoice(person);
  }

  window.addEventListener("hashchange", applyHash);
  applyHash();
}

function personRow({ oid, displayName, userPrincipalName, situation }, index) {
  return h(
    "label",
    { class: "person", "data-testid": "person", "data-oid": oid, title: userPrincipalName },
    h("input", { type: "radio", name: "person", value: oid, class: "visually-hidden" }),
    h("span", { class: `avatar tint-${index % AVATAR_TINTS}`, "aria-hidden": "true" }, initials(displayName)),
    h("span", { class: "person-text" }, h("strong", {}, displayName), h("span", {}, situation)),
  );
}

function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return [words.at(0), words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "").join("").toUpperCase();
}
