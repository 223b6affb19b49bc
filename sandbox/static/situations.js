/** The panel "Situations": switches for the person whose chat is shown, and for everybody. */

import { h } from "./dom.js";

const SOON_MS = 300;

export class SituationsPanel {
  #panel;
  #list;
  #count;
  #load;
  #change;
  #person;
  #timer;
  #boxes = new Map();

  /** `load()` and `change(name, oid or null, on)` give what the API answers, or undefined if it does not. */
  constructor({ panel, list, count, load, change }) {
    this.#panel = panel;
    this.#list = list;
    this.#count = count;
    this.#load = load;
    this.#change = change;
    panel.addEventListener("toggle", () => this.#refresh());
  }

  become(person) {
    this.#person = person;
    this.#boxes.clear();
    this.#refresh();
  }

  /** Several calls at once make one request. */
  refreshSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), SOON_MS);
  }

  async #refresh() {
    this.#show(await this.#load());
  }

  #show(answer) {
    if (!answer) return;
    const { situations } = answer;
    if (!this.#boxes.size) this.#draw(situations);
    let on = 0;
    for (const situation of situations) {
      const box = this.#boxes.get(situation.name);
      box.checked = situation.on.includes(this.#whose(situation));
      on += box.checked;
    }
    this.#count.textContent = `${on} on`;
    this.#count.hidden = on === 0;
  }

  #draw(situations) {
    const group = (legend, isMember) =>
      h("fieldset", {}, h("legend", {}, legend), ...situations.filter(isMember).map((one) => this.#row(one)));
    this.#list.replaceChildren(
      group(`For ${this.#person.displayName}`, (one) => !one.forEverybody),
      group("For everybody", (one) => one.forEverybody),
    );
  }

  #row(situation) {
    const { name, title, text } = situation;
    const id = `situation-${name}`;
    const box = h("input", { type: "checkbox", role: "switch", id, name, "aria-describedby": `${id}-text` });
    box.addEventListener("change", () => this.#switch(situation, box));
    this.#boxes.set(name, box);
    return h(
      "div",
      { class: "switch", "data-testid": "situation", "data-name": name },
      box,
      h("label", { for: id }, title),
      h("p", { id: `${id}-text` }, text),
    );
  }

  async #switch(situation, box) {
    const answer = await this.#change(situation.name, this.#whose(situation), box.checked);
    if (answer) this.#show(answer);
    else box.checked = !box.checked;
  }

  #whose = ({ forEverybody }) => (forEverybody ? null : this.#person.oid);
}
