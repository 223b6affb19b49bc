/** Draws every card of /cards.json with the renderer and the host configuration of the chat page. */

import { renderAttachment } from "/static/cards.js";
import { loadHostConfigs } from "/static/host-config.js";

const main = document.querySelector("main");
const width = new URLSearchParams(location.search).get("width");
main.style.setProperty("--width", `${width}px`);

const [hostConfig, response] = await Promise.all([
  loadHostConfigs(matchMedia("(prefers-color-scheme: dark)")),
  fetch("/cards.json"),
]);
const { lang, cards } = await response.json();
document.documentElement.lang = lang;
for (const [name, content] of Object.entries(cards)) {
  const attachment = { contentType: "application/vnd.microsoft.card.adaptive", content };
  const drawn = renderAttachment(attachment, hostConfig(), () => Promise.resolve(), () => false);
  drawn.id = name;
  main.append(drawn);
}
document.body.dataset.ready = "true";
