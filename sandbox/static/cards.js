/** Attachments of a message: Adaptive Cards, and the sign-in card. */

import { h, webUrl } from "./dom.js";
import { cardMarkdown } from "./markdown.js";

const { AdaptiveCard, GlobalSettings, OpenUrlAction, SubmitAction, Version } = globalThis.AdaptiveCards;

// Teams draws six buttons and puts the rest into a "…" menu; the renderer would drop them silently.
GlobalSettings.allowMoreThanMaxActionsInOverflowMenu = true;

AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = cardMarkdown(text);
  result.didProcess = true;
};

const RENDERERS = {
  "application/vnd.microsoft.card.adaptive": adaptiveCard,
  "application/vnd.microsoft.card.oauth": signInCard,
};

/**
 * An element for `attachment`. `press(action)` is called with Action.Execute in its wire format, inputs merged into
 * `data`; until the promise that it returns settles, the card cannot be pressed again. `signIn(url)` is called for
 * the button of a sign-in card.
 */
export function renderAttachment(attachment, hostConfig, press, signIn) {
  const render = RENDERERS[attachment.contentType] ?? unknownAttachment;
  return render(attachment.content ?? {}, { contentType: attachment.contentType, hostConfig, press, signIn });
}

function frame(label, ...children) {
  // Focusable by script only: where the focus goes when the card that had it is replaced.
  return h("div", { class: "card", "data-testid": "card", role: "group", "aria-label": label, tabindex: "-1" }, ...children);
}

// ---- Adaptive Cards

function adaptiveCard(content, { hostConfig, press }) {
  const box = frame("Card");
  const card = new AdaptiveCard();
  card.hostConfig = hostConfig;
  // Teams stops at 1.5, and shows the fallback text of anything newer.
  card.maxVersion = new Version(1, 5);
  card.onExecuteAction = (action) => execute(action, box, press);
  card.parse(content);
  box.append(card.render() ?? h("p", {}, content.fallbackText ?? "This card can't be shown."));
  return box;
}

function execute(action, box, press) {
  if (action instanceof OpenUrlAction) {
    const url = webUrl(action.url);
    if (url) window.open(url, "_blank", "noopener");
  } else if (isSubmitting(action) && !isHeld(box)) {
    const release = hold(box, action.renderedElement);
    press(wireFormat(action)).finally(release);
  }
}

const isSubmitting = (action) => action instanceof SubmitAction || action.getJsonTypeName() === "Action.Execute";

/** What Teams would send to the bot. Action.Submit is sent the same way, so that one path is enough here. */
const wireFormat = (action) => ({
  type: "Action.Execute",
  id: action.id,
  title: action.title,
  verb: action.verb,
  data: action.data ?? {},
});

const isHeld = (box) => box.getAttribute("aria-busy") === "true";

/** Disables the card's other buttons and marks the pressed one. Returns the function that undoes it. */
function hold(box, pressed) {
  // The pressed button stays enabled, as a disabled one would lose the focus; `isHeld` keeps it from acting.
  const others = [...box.querySelectorAll("button:not(:disabled)")].filter((button) => button !== pressed);
  const setHeld = (held) => {
    box.setAttribute("aria-busy", held);
    pressed?.classList.toggle("is-pressed", held);
    for (const button of others) button.disabled = held;
  };
  setHeld(true);
  return () => setHeld(false);
}

// ---- Sign-in card

function signInCard(content, { signIn }) {
  const button = content.buttons?.[0];
  const url = webUrl(button?.value);
  return frame(
    "Sign-in card",
    h(
      "div",
      { class: "sign-in" },
      // Teams renders no Markdown in this card.
      h("p", {}, content.text ?? "Sign in to go on."),
      url && signInLink(url, button.title ?? "Sign in", signIn),
    ),
  );
}

/** Opens the window that Teams opens; a new tab (Ctrl-click) is a browser outside of Teams. */
function signInLink(url, title, signIn) {
  const link = h("a", { class: "button primary", href: url, target: "_blank", rel: "noopener" }, title);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (signIn(url)) event.preventDefault();
  });
  return link;
}

const unknownAttachment = (_content, { contentType }) =>
  frame("Unknown attachment", h("p", { class: "unknown" }, `The sandbox can't show “${contentType}”.`));
