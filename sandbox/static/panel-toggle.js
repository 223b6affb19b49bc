/** Opening and closing the Graph panel where there is no room for a third column; style.css decides where that is. */

// The same width as in style.css: below it the panel is a drawer over the chat.
const DRAWER = matchMedia("(max-width: 699px)");

export function initPanelToggle({ panel, toggle, closeButton, backdrop, behind }) {
  function setOpen(open) {
    const isDrawer = DRAWER.matches;
    panel.classList.toggle("is-open", open);
    toggle.setAttribute("aria-expanded", open);
    for (const element of behind) element.inert = open && isDrawer;
    if (open && isDrawer) closeButton.focus();
    if (!open && panel.contains(document.activeElement)) toggle.focus();
  }

  const isOpen = () => panel.classList.contains("is-open");

  toggle.addEventListener("click", () => setOpen(!isOpen()));
  closeButton.addEventListener("click", () => setOpen(false));
  backdrop.addEventListener("click", () => setOpen(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen()) setOpen(false);
  });
  // A window that is made wider must not leave the chat inert.
  DRAWER.addEventListener("change", () => setOpen(isOpen()));
}
