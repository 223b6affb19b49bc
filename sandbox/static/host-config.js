/** Teams' host configurations for the card renderer, light and dark, with the few things that we change in them. */

const { HostConfig } = globalThis.AdaptiveCards;

/**
 * The published configurations are of Teams before Fluent 2: their green and yellow are hardly legible on white
 * (2:1), and the dark one has pale boxes. These colours are Fluent 2's, at least 4.5:1 on every box of their theme.
 */
const LIGHT = {
  text: { default: "#242424", subtle: "#5c5c5c" },
  colours: { accent: "#4f52b2", good: "#0e6410", warning: "#8a3707", attention: "#a80f1c" },
  boxes: {
    default: ["#ffffff", "#d1d1d1"],
    emphasis: ["#f5f5f5", "#d1d1d1"],
    accent: ["#ebf3fc", "#b4d6fa"],
    good: ["#f1faf1", "#9fd89f"],
    warning: ["#fff9f5", "#fdcfb4"],
    attention: ["#fdf3f4", "#eeacb2"],
  },
};

const DARK = {
  text: { default: "#ffffff", subtle: "#c2c2c2" },
  colours: { accent: "#aab0fa", good: "#7ac77a", warning: "#faa06b", attention: "#f1919a" },
  boxes: {
    default: ["#292929", "#525252"],
    emphasis: ["#333333", "#666666"],
    accent: ["#0a2e4a", "#0f548c"],
    good: ["#052505", "#0e700e"],
    warning: ["#36190a", "#8a3707"],
    attention: ["#3b0509", "#960b18"],
  },
};

const foreground = ({ text, colours }) => ({
  default: text,
  dark: text,
  ...Object.fromEntries(Object.entries(colours).map(([name, hex]) => [name, { default: hex, subtle: hex }])),
});

const containerStyles = (theme) =>
  Object.fromEntries(
    Object.entries(theme.boxes).map(([name, [backgroundColor, borderColor]]) => [
      name,
      { backgroundColor, borderColor, foregroundColors: foreground(theme) },
    ]),
  );

const ourChanges = (theme, separator) => ({
  supportsInteractivity: true,
  separator: { lineColor: separator },
  fontTypes: { default: { fontFamily: "inherit" } },
  textBlock: { headingLevel: 2 },
  // The gap between buttons is in cards.css, where it also holds when they wrap.
  actions: { buttonSpacing: 0 },
  containerStyles: containerStyles(theme),
});

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** `base` with `changes` laid over it, at every depth. */
function merge(base, changes) {
  const result = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    result[key] = isObject(value) && isObject(base[key]) ? merge(base[key], value) : value;
  }
  return result;
}

async function load(name, changes) {
  const response = await fetch(new URL(`vendor/${name}`, import.meta.url));
  return new HostConfig(merge(await response.json(), changes));
}

/** Resolves to a function that gives the configuration of the theme that is on now. */
export async function loadHostConfigs(darkTheme) {
  const [light, dark] = await Promise.all([
    load("teams-light.json", ourChanges(LIGHT, "#e0e0e0")),
    load("teams-dark.json", ourChanges(DARK, "#4d4d4d")),
  ]);
  return () => (darkTheme.matches ? dark : light);
}
