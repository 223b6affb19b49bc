/** The message list: what was said, system notes, errors, and the typing dots. */

import { h, timeOf } from "./dom.js";
import { messageMarkdown } from "./markdown.js";

// Teams takes the dots away after about three seconds, whatever the bot does.
const TYPING_MS = 3000;

// A replayed history has no end mark; it arrives in one go, so a short pause means that it is over.
const REPLAY_PAUSE_MS = 250;

// Nearer to the end than this, the reader is taken along when something is added.
const AT_END_PX = 80;

export class Transcript {
  #log;
  #scroller;
  #typing;
  #botName;
  #renderAttachment;
  #entries = new Map();
  #typingTimer;
  #replayTimer;
  #isAtEnd = true;

  /** `renderAttachment(attachment, messageId)` gives the element of a card. */
  constructor({ log, scroller, typing, botName, renderAttachment }) {
    this.#log = log;
    this.#scroller = scroller;
    this.#typing = typing;
    this.#botName = botName;
    this.#renderAttachment = renderAttachment;
    this.#keepReaderAtEnd();
  }

  /** The message that was shown last, or undefined. Replacing one in place does not make it the last. */
  get last() {
    return [...this.#entries.values()].at(-1)?.message;
  }

  get hasMine() {
    return [...this.#entries.values()].some(({ message }) => message.sender === "me");
  }

  /** Empties the list; what follows at once is history and is neither animated nor announced. */
  reset() {
    this.#entries.clear();
    this.#log.replaceChildren();
    this.#hideTyping();
    this.#isAtEnd = true;
    this.#replaying(true);
  }

  /** Adds `message`, or puts it in the place of the one with its id. */
  show(message) {
    const known = this.#entries.get(message.id);
    const element = this.#render(message);
    this.#entries.set(message.id, { message, element });
    if (message.sender === "bot") this.#hideTyping();
    if (known) replaceInPlace(known.element, element);
    else this.#append(element);
    // Who writes wants to see the answer, wherever they had scrolled to.
    if (message.sender === "me") this.#isAtEnd = true;
  }

  remove(id) {
    this.#entries.get(id)?.element.remove();
    this.#entries.delete(id);
  }

  note(text) {
    this.#append(h("p", { class: "note" }, text));
  }

  /** A red bar under the last card; it goes when that card is replaced. */
  error(text) {
    const bar = h("p", { class: "error-bar" }, text);
    const lastCard = [...this.#log.querySelectorAll(".card")].at(-1);
    this.#hideTyping();
    lastCard?.parentElement.querySelector(".error-bar")?.remove();
    if (lastCard) lastCard.after(bar);
    else this.#append(bar);
  }

  typing() {
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.#hideTyping(), TYPING_MS);
    this.#typing.hidden = false;
  }

  /** Renders every message again, for a new theme. */
  redraw() {
    for (const [id, { message, element }] of this.#entries) {
      const fresh = this.#render(message);
      element.replaceWith(fresh);
      this.#entries.set(id, { message, element: fresh });
    }
  }

  #hideTyping() {
    clearTimeout(this.#typingTimer);
    this.#typing.hidden = true;
  }

  #replaying(on) {
    clearTimeout(this.#replayTimer);
    this.#log.setAttribute("aria-busy", on);
    if (on) this.#replayTimer = setTimeout(() => this.#replaying(false), REPLAY_PAUSE_MS);
  }

  get #isReplaying() {
    return this.#log.getAttribute("aria-busy") === "true";
  }

  #append(element) {
    this.#log.append(element);
    if (this.#isReplaying) this.#replaying(true);
  }

  /** Whoever reads the end stays there, whatever grows or shrinks: a message, the chips, the Graph panel. */
  #keepReaderAtEnd() {
    const scroller = this.#scroller;
    let lastTop = 0;
    scroller.addEventListener("scroll", () => {
      if (this.#isReplaying) return;
      // Our own scrolling goes down, and its event may come when the log has grown again: only going up leaves the end.
      const isNear = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < AT_END_PX;
      if (isNear) this.#isAtEnd = true;
      else if (scroller.scrollTop < lastTop) this.#isAtEnd = false;
      lastTop = scroller.scrollTop;
    });
    const observer = new ResizeObserver(() => {
      if (this.#isAtEnd) scroller.scrollTop = scroller.scrollHeight;
    });
    observer.observe(scroller);
    observer.observe(this.#log);
  }

  #render(message) {
    const { id, sender, text, textFormat, attachments = [] } = message;
    const isMine = sender === "me";
    return h(
      "article",
      { class: `message ${sender}`, "data-testid": "message", "data-sender": sender, "data-message-id": id },
      isMine ? null : h("img", { class: "avatar bot", src: "/static/bot.svg", alt: "", width: 32, height: 32 }),
      h(
        "div",
        { class: "message-body" },
        h(
          "header",
          { class: "message-header" },
          h("span", { class: isMine ? "visually-hidden" : "message-sender" }, isMine ? "You" : this.#botName),
          h("time", {}, timeOf(message.at)),
        ),
        text ? bubble(text, isMine ? "plain" : textFormat) : null,
        ...attachments.map((attachment) => this.#renderAttachment(attachment, id)),
      ),
    );
  }
}

function bubble(text, textFormat) {
  // A bot's text is Markdown unless it says otherwise. "xml" would need a sanitiser: it is shown as it stands.
  if (textFormat === "plain" || textFormat === "xml") return h("div", { class: "bubble is-plain" }, text);
  const element = h("div", { class: "bubble" });
  element.innerHTML = messageMarkdown(text);
  return element;
}

function replaceInPlace(old, fresh) {
  const hadFocus = old.contains(document.activeElement);
  fresh.classList.add("is-updated");
  old.replaceWith(fresh);
  // A keyboard user stays where the pressed button was.
  if (hadFocus) fresh.querySelector(".card")?.focus({ preventScroll: true });
}
