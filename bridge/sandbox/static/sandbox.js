// The page as a whole: what is chosen, what came in, and who has to show it.

import { ask, follow } from "./api.js";
import { startDesk } from "./desk.js";
import { showDraftOf, startEditor, write } from "./editor.js";
import { startPhone } from "./phone.js";
import { showStory } from "./story.js";
import { GREETING, startTries } from "./tries.js";

const at = (id) => document.getElementById(id);
const view = { customer: null, sender: null, ticketId: null, canReply: false };
const linked = new Map(); // conversation -> the ticket it led to last
let state = null;

/** Ask the server; say what went wrong. Answers whether it went through. */
async function tryTo(path, fields) {
  try {
    await ask(path, fields);
    return true;
  } catch (error) {
    const toast = at("toast");
    toast.textContent = error.message;
    toast.hidden = false;
    clearTimeout(tryTo.timer);
    tryTo.timer = setTimeout(() => (toast.hidden = true), 6000);
    return false;
  }
}

const send = (body, copies = 1) =>
  tryTo("texts", { customer: view.customer, sender: view.sender, body, copies });

function choose(change) {
  Object.assign(view, change);
  if (change.ticketId === undefined) view.ticketId = ticketOf(view.customer, view.sender);
  render();
}

const conversation = (customer, sender) => `${customer} ${sender}`;

function ticketOf(customer, sender) {
  const last = state.messages.findLast(
    (one) => one.customer === customer && one.sender === sender && one.ticket_id,
  );
  return last?.ticket_id ?? null;
}

function pickTicket(ticketId) {
  // A ticket of the console's past belongs to nobody whose phone is here.
  const message = state.messages.findLast(
    (one) =>
      one.ticket_id === ticketId && state.customers.some(({ number }) => number === one.customer),
  );
  choose({
    ticketId,
    customer: message?.customer ?? view.customer,
    sender: message?.sender ?? view.sender,
  });
}

const actions = {
  pickCustomer: (customer) => choose({ customer }),
  pickSender: (sender) => choose({ sender }),
  send,
  pickTicket,
  setStatus: (ticketId, status) => tryTo(`tickets/${ticketId}/status`, { status }),
  merge: (ticketId, into) => tryTo(`tickets/${ticketId}/merge`, { into }),
  firstText: () => send(GREETING),
};

const go = {
  text: send,
  picture: (body) =>
    tryTo("texts", { customer: view.customer, sender: view.sender, body, with_picture: true }),
  burst: async (bodies) => {
    for (const body of bodies) await send(body);
  },
  toggleOutage: () => tryTo("zendesk", { down: !state.zendesk_down }),
  failNext: () => tryTo("deliveries", { customer: view.customer, outcome: "undelivered" }),
  writeLong: (paragraphs) => {
    look("ticket");
    write(paragraphs);
  },
};

const showPhone = startPhone(actions);
const showDesk = startDesk(actions);
const showTries = startTries(go);
startEditor((comment) => tryTo("replies", { ticket_id: view.ticketId, ...comment }));

function render() {
  const ticket = state.tickets.find((one) => one.id === view.ticketId);
  view.canReply = Boolean(ticket) && ticket.status !== "closed";
  showDraftOf(view.ticketId);
  showPhone(state, view);
  showDesk(state, view);
  showStory(state, view);
  showTries(state, view);
  showOutage();
}

function showOutage() {
  const banner = at("outage");
  banner.hidden = !state.zendesk_down;
  const held = state.messages.filter(
    (one) => one.direction === "inbound" && ["received", "working"].includes(one.state),
  ).length;
  const kept = held === 1 ? "1 text is kept" : `${held} texts are kept`;
  const words = `Zendesk is down. ${held ? kept : "Texts are kept"} safe and will arrive in order.`;
  if (state.zendesk_down && banner.textContent !== words) banner.textContent = words;
}

/** The chosen conversation's ticket comes to the front when it changes, and only then. */
function followLink() {
  const name = conversation(view.customer, view.sender);
  const ticketId = ticketOf(view.customer, view.sender);
  if (ticketId && linked.get(name) !== ticketId) view.ticketId = ticketId;
  linked.set(name, ticketId);
}

/** Say what is new to somebody who does not see it, and mark the tab it is behind. */
function announce(before, after) {
  const knownTexts = new Set(before.texts.map((one) => one.id));
  const news = after.texts
    .filter((one) => !one.from_customer && !knownTexts.has(one.id))
    .map((one) => `Text from ${nameOf(one.sender)}: ${one.body.slice(0, 200)}`);
  if (news.length) hintAt("phone");
  const knownComments = new Set(before.tickets.flatMap((one) => one.comments.map(({ id }) => id)));
  for (const ticket of after.tickets)
    for (const comment of ticket.comments)
      if (!knownComments.has(comment.id) && comment.role !== "agent") {
        const kind = comment.public ? "comment" : "internal note";
        news.push(`New ${kind} on ticket ${ticket.id}: ${comment.plain.slice(0, 200)}`);
        hintAt("ticket");
      }
  if (news.length) at("news").textContent = news.join(". ");
}

const nameOf = (number) => state.senders.find((one) => one.number === number)?.name ?? number;

const tabs = [...document.querySelectorAll("[data-tab]")];

function look(name) {
  document.body.dataset.view = name;
  markTabs();
}

/** Which sides are in sight, the style sheet decides by the page's width. */
const isShown = (name) => document.querySelector(`[data-side=${name}]`).getClientRects().length > 0;

function markTabs() {
  for (const tab of tabs) {
    const shown = isShown(tab.dataset.tab);
    tab.setAttribute("aria-pressed", String(shown));
    if (shown) tab.classList.remove("news");
  }
}

function hintAt(name) {
  if (!isShown(name)) tabs.find((tab) => tab.dataset.tab === name).classList.add("news");
}

for (const tab of tabs) tab.addEventListener("click", () => look(tab.dataset.tab));
addEventListener("resize", markTabs);
markTabs();

follow(
  (next) => {
    const before = state;
    state = next;
    view.customer ??= state.customers[0]?.number ?? null;
    view.sender ??= state.senders[0]?.number ?? null;
    followLink();
    if (before) announce(before, state);
    render();
  },
  (live) => {
    at("live").dataset.state = live ? "live" : "connecting";
    at("live").textContent = live ? "Live" : "Connecting";
  },
);
