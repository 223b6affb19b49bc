/** The box at the bottom, and the chips above it. */

import { h, webUrl } from "./dom.js";

const HINTS = ["set my default MFA to oath", "show my methods", "help"];

// Teams shows no more than three.
const MAX_SUGGESTIONS = 3;

export class Composer {
  #input;
  #chips;
  #send;

  /** `send(text)` resolves to whether the text got through; if not, it is put back into the box. */
  constructor({ form, input, chips, send }) {
    this.#input = input;
    this.#chips = chips;
    this.#send = send;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    input.addEventListener("keydown", (event) => this.#onKey(event));
    input.addEventListener("input", () => this.#fit());
  }

  clear() {
    this.#write("");
  }

  /** Examples for somebody who has not said anything yet. */
  showHints() {
    this.#showChips(HINTS.map((text) => chip(text, () => this.#send(text))));
  }

  showSuggestions(actions = []) {
    this.#showChips(actions.slice(0, MAX_SUGGESTIONS).map((action) => chip(action.title, () => this.#follow(action))));
  }

  #showChips(chips) {
    this.#chips.replaceChildren(...chips);
    this.#chips.hidden = chips.length === 0;
  }

  #follow({ type, title, value }) {
    if (type === "openUrl") {
      const url = webUrl(value);
      if (url) window.open(url, "_blank", "noopener");
    } else if (type === "Action.Compose") {
      this.#write(typeof value === "string" ? value : title);
      this.#input.focus();
    } else {
      this.#send(typeof value === "string" ? value : title);
    }
  }

  #onKey(event) {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  async #submit() {
    const text = this.#input.value.trim();
    if (!text) return;
    this.clear();
    const arrived = await this.#send(text);
    if (!arrived && !this.#input.value) this.#write(text);
  }

  #write(text) {
    this.#input.value = text;
    this.#fit();
  }

  /** As tall as its text; style.css sets the limit. */
  #fit() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }
}

const chip = (text, onclick) => h("button", { type: "button", class: "chip", onclick }, text);
