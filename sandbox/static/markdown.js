/** Markdown as Teams understands it. HTML in the source is shown as text, never passed on. */

const { markdownit } = globalThis;

/**
 * Adaptive Cards in Teams know bold, italic, lists and links, and nothing else; drawing more here would hide
 * mistakes. https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
 */
const ofCards = markdownit("zero", { html: false, breaks: true }).enable([
  "emphasis", "entity", "escape", "link", "list", "newline", "text_join",
]);

/** Messages know a good deal more, but pictures would be fetched from the network, so they stay off. */
const ofMessages = markdownit({ html: false, breaks: true }).disable("image");

for (const parser of [ofCards, ofMessages]) {
  parser.renderer.rules.link_open = (tokens, index, options, _env, renderer) => {
    tokens[index].attrSet("target", "_blank");
    tokens[index].attrSet("rel", "noopener");
    return renderer.renderToken(tokens, index, options);
  };
}

/** HTML of a TextBlock or fact. */
export const cardMarkdown = (text) => ofCards.render(text);

/** HTML of a message's text. */
export const messageMarkdown = (text) => ofMessages.render(text);
