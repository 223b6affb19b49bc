/** The sandbox's chat page: wires its parts together. Each part is a module of its own and knows none of the others. */

import {
  closeSignIn,
  fetchPeople,
  fetchSituations,
  follow,
  pressAction,
  SandboxSilent,
  sendMessage,
  switchSituation,
} from "./api.js";
import { createBanner } from "./banner.js";
import { renderAttachment } from "./cards.js";
import { Composer } from "./composer.js";
import { byId } from "./dom.js";
import { GraphPanel } from "./graph-panel.js";
import { loadHostConfigs } from "./host-config.js";
import { initPanelToggle } from "./panel-toggle.js";
import { initPeople } from "./people.js";
import { openSignIn } from "./sign-in-window.js";
import { SituationsPanel } from "./situations.js";
import { Transcript } from "./transcript.js";

const RETRY_MS = 3000;

const banner = createBanner(byId("banner"));
const darkTheme = matchMedia("(prefers-color-scheme: dark)");

/** Whether `request` got through; a silent sandbox becomes a banner. */
async function reaches(request) {
  try {
    await request;
    banner.hide();
    return true;
  } catch (error) {
    if (!(error instanceof SandboxSilent)) throw error;
    banner.show(error.message);
    return false;
  }
}

/** What `request` got, or undefined if it did not get through. */
const answerOf = async (request) => ((await reaches(request)) ? request : undefined);

async function fetchPeopleUntilAnswered() {
  for (;;) {
    const request = fetchPeople();
    if (await reaches(request)) return request;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function createPanel() {
  initPanelToggle({
    panel: byId("panel"),
    toggle: byId("panel-toggle"),
    closeButton: byId("panel-close"),
    backdrop: byId("backdrop"),
    behind: document.querySelectorAll(".rail, .chat"),
  });
  return new GraphPanel({
    list: byId("calls"),
    empty: byId("panel-empty"),
    count: byId("panel-count"),
    scroller: byId("panel"),
    clearButton: byId("panel-clear"),
  });
}

async function start() {
  const { people, bot } = await fetchPeopleUntilAnswered();
  const hostConfig = await loadHostConfigs(darkTheme);
  let me;
  let unfollow = () => {};

  const panel = createPanel();
  const composer = new Composer({
    form: byId("composer-form"),
    input: byId("composer"),
    chips: byId("chips"),
    send: (text) => reaches(sendMessage(me.oid, text)),
  });
  const situations = new SituationsPanel({
    panel: byId("situations"),
    list: byId("situations-list"),
    count: byId("situations-count"),
    load: () => answerOf(fetchSituations()),
    change: (name, person, on) => answerOf(switchSituation(name, person, on)),
  });

  /** Whose window it is stays the same when one becomes somebody else meanwhile. */
  function signIn(url, messageId) {
    const { oid } = me;
    return openSignIn(url, (state) => reaches(closeSignIn(oid, messageId, state)));
  }

  const transcript = new Transcript({
    log: byId("log"),
    scroller: byId("log-scroller"),
    typing: byId("typing"),
    botName: bot.name,
    renderAttachment: (attachment, messageId) =>
      renderAttachment(
        attachment,
        hostConfig(),
        (action) => reaches(pressAction(me.oid, messageId, action)),
        (url) => signIn(url, messageId),
      ),
  });

  /** Suggestions belong to the last message. The bot speaks first, so "empty" means that I have said nothing. */
  function refreshChips() {
    const suggested = transcript.last?.suggestedActions ?? [];
    if (suggested.length || transcript.hasMine) composer.showSuggestions(suggested);
    else composer.showHints();
  }

  const andRefreshChips = (handle) => (payload) => {
    handle(payload);
    refreshChips();
    situations.refreshSoon(); // some end by themselves
  };

  const handlers = {
    reset: andRefreshChips(() => {
      transcript.reset();
      panel.reset();
    }),
    message: andRefreshChips((message) => transcript.show(message)),
    removed: andRefreshChips(({ id }) => transcript.remove(id)),
    typing: () => transcript.typing(),
    note: ({ text }) => transcript.note(text),
    error: ({ text }) => transcript.error(text),
    graph: (call) => panel.add(call),
  };

  function become(person) {
    if (person.oid === me?.oid) return;
    me = person;
    unfollow();
    handlers.reset({});
    composer.clear();
    document.title = `${bot.name} · ${person.displayName}`;
    situations.become(person);
    unfollow = follow(person.oid, handlers, (connected) => (connected ? banner.hide() : banner.show()));
  }

  byId("bot-name").textContent = bot.name;
  darkTheme.addEventListener("change", () => transcript.redraw());
  initPeople(people, { list: byId("people"), select: byId("people-select"), situation: byId("situation") }, become);
}

start();
