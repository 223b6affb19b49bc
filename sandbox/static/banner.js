/** The bar at the top that says that the sandbox is gone. */

import { h } from "./dom.js";

export function createBanner(element) {
  return {
    show(detail = "") {
      // An alert that is written anew is read aloud anew; reconnecting would repeat it every few seconds.
      if (!element.hidden && element.dataset.detail === detail) return;
      element.dataset.detail = detail;
      element.replaceChildren(
        "The sandbox does not answer. Is ",
        h("code", {}, "make run"),
        ` still running?${detail ? ` (${detail})` : ""}`,
      );
      element.hidden = false;
    },
    hide() {
      element.hidden = true;
    },
  };
}
