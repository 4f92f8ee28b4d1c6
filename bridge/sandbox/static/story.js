// What the bridge did with each text, told from its own API (GET /api/v1/messages), newest first.

import { el, icon, preciseTimeOf, readable, show } from "./dom.js";

const at = (id) => document.getElementById(id);
const VERDICTS = {
  ticket: "For an agent",
  keyword: "Keyword",
  opt_out: "Opt-out",
  opt_in: "Opt-in",
  not_consented: "Kept, no ticket",
  no_sender: "Waiting for this number",
  loop: "Kept, not acted on",
};
const UNDER_WAY = new Set(["received", "working", "waiting"]);

/** Show what happened in the chosen conversation. */
export function showStory(state, view) {
  const customer = state.customers.find((one) => one.number === view.customer);
  const sender = state.senders.find((one) => one.number === view.sender);
  at("story-whose").textContent =
    customer && sender ? `${customer.name} and ${sender.name}, ${readable(sender.number)}` : "";
  const messages = state.messages.filter(
    (one) => one.customer === view.customer && one.sender === view.sender,
  );
  const entries = messages.map((message, place) => entry(message, messages.slice(0, place), state));
  show(at("story"), entries.length ? entries.reverse() : [{ id: "empty" }], {
    key: (one) => one.id,
    make: entryNode,
  });
}

function entry(message, earlier, state) {
  const inbound = message.direction === "inbound";
  const steps = inbound ? inboundSteps(message, earlier, state) : outboundSteps(message, earlier);
  const { id, body, created_at: createdAt, state: now } = message;
  return { id, inbound, body: body.slice(0, 140), at: createdAt, now, steps };
}

function inboundSteps(message, earlier, state) {
  const text = state.texts.find((one) => one.id === message.carrier_id);
  const copies = text?.copies ?? 1;
  const steps = [
    copies > 1
      ? { is: "done", words: `Webhook came ${copies} times, counted once` }
      : { is: "done", words: "Received, stored, acknowledged" },
  ];
  if (message.verdict) steps.push({ is: "done", words: verdictWords(message) });
  if (message.ticket_id) steps.push({ is: "done", words: ticketWords(message, earlier, state) });
  else if (message.state === "failed")
    steps.push({ is: "failed", words: message.reason ?? message.error ?? "Could not be written" });
  else if (UNDER_WAY.has(message.state)) steps.push(waiting(message, state));
  return steps;
}

function verdictWords({ verdict, why }) {
  const name = VERDICTS[verdict] ?? verdict;
  return why ? `${name}: ${why}` : name;
}

function waiting(message, state) {
  const tries = message.attempts?.length ?? 0;
  const tried = tries > 1 ? `tried ${tries} times` : tries ? "tried once" : "to be tried again";
  return state.zendesk_down
    ? { is: "waiting", words: `Zendesk is down: kept, ${tried}` }
    : { is: "waiting", words: "On its way to Zendesk" };
}

function ticketWords(message, earlier, state) {
  const { ticket_id: id, comment_id: commentId } = message;
  const ticket = state.tickets.find((one) => one.id === id);
  const first = ticket ? ticket.comments[0]?.id === commentId : !earlier.some((one) => one.ticket_id === id);
  if (first && ticket?.follow_up_of)
    return `Opened #${id}, a follow-up of #${ticket.follow_up_of}`;
  return first ? `Opened ticket #${id}` : `Comment on ticket #${id}`;
}

function outboundSteps(message, earlier) {
  const { state: now, parts = [], segments, ticket_id: ticketId, comment_id: commentId } = message;
  const steps = [
    {
      is: "done",
      words: commentId ? `Reply read from ticket #${ticketId}` : originWords(message, earlier),
    },
  ];
  const why = message.reason ?? message.error;
  if (now === "refused") steps.push({ is: "failed", words: `Not sent: ${why ?? "refused"}` });
  else if (now === "queued") steps.push({ is: "waiting", words: "Queued for the carrier" });
  else if (now === "sending") steps.push({ is: "waiting", words: "Handing it to the carrier" });
  else if (now === "uncertain")
    steps.push({ is: "waiting", words: "The carrier’s answer was lost: looking before repeating" });
  else steps.push({ is: "done", words: `Handed to the carrier${sizeWords(parts, segments)}` });
  if (now === "sent") steps.push({ is: "waiting", words: "Waiting for the delivery report" });
  if (now === "delivered") steps.push({ is: "done", words: "Delivered to the phone" });
  if (now === "undelivered" || now === "failed")
    steps.push({ is: "failed", words: `Not delivered: ${why ?? "the carrier did not say why"}` });
  return steps;
}

/** Why a text went out that no agent wrote. */
function originWords({ kind, cause_id: causeId }, earlier) {
  if (kind === "opt_out_answer") return "Confirms the opt-out";
  if (kind === "campaign") return "Recorded: another system sent it";
  const cause = earlier.find((one) => one.id === causeId);
  if (cause?.verdict === "keyword") return "The keyword rule’s reply";
  return cause?.rule ? `The standard answer to ${cause.rule}` : "An automatic answer";
}

function sizeWords(parts, segments) {
  const texts = parts.length > 1 ? `${parts.length} texts` : "";
  const billed = segments > 1 ? `${segments} segments` : "";
  const both = [texts, billed].filter(Boolean).join(", ");
  return both && `: ${both}`;
}

function entryNode(item) {
  if (item.id === "empty")
    return el("li", {
      class: "story-empty",
      text: "Nothing yet. Each text and each reply will be told here, step by step.",
    });
  return el(
    "li",
    {
      class: `entry ${item.inbound ? "inbound" : "outbound"}`,
      data: { testid: "entry", state: item.now, direction: item.inbound ? "inbound" : "outbound" },
    },
    el(
      "p",
      { class: "entry-head" },
      el("span", { class: "entry-way" }, icon(item.inbound ? "in" : "out")),
      el("span", { class: "hidden", text: item.inbound ? "Text in:" : "Text out:" }),
      el("span", { class: "entry-body", dir: "auto", text: item.body }),
      el("time", { datetime: item.at, text: preciseTimeOf(item.at) }),
    ),
    el(
      "ol",
      { class: "steps" },
      ...item.steps.map((step) => el("li", { class: `step ${step.is}`, text: step.words })),
    ),
  );
}
