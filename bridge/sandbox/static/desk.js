// The agent's side: the list of tickets, and one of them with its comments.

import {
  el,
  hueOf,
  icon,
  initials,
  keepAtEnd,
  picture,
  pinToEnd,
  readable,
  show,
  timeOf,
  toEnd,
} from "./dom.js";
import { safeFragment } from "./safe_html.js";

const at = (id) => document.getElementById(id);
const MOVES = {
  new: ["pending", "solved", "closed"],
  open: ["pending", "solved", "closed"],
  pending: ["open", "solved", "closed"],
  hold: ["open", "solved", "closed"],
  solved: ["open", "closed"],
  closed: [],
};
const VERBS = { open: "Reopen", pending: "Pending", solved: "Solve", closed: "Close" };
const STATES = {
  queued: ["queued", "Queued"],
  sending: ["queued", "Sending"],
  sent: ["sent", "Sent"],
  delivered: ["delivered", "Delivered"],
  undelivered: ["failed", "Not delivered"],
  failed: ["failed", "Failed"],
  refused: ["failed", "Not sent"],
  uncertain: ["queued", "Not certain yet"],
};

/** Wire the workspace. `actions`: pickTicket, setStatus, merge, firstText. */
export function startDesk(actions) {
  at("nothing-art").append(icon("inbox"));
  at("first-text").addEventListener("click", actions.firstText);
  pinToEnd(at("comments"));
  new ResizeObserver(revealRow).observe(at("tickets")); // also when its side is shown again
  let placeShown = "";

  return (state, view) => {
    const tickets = [...state.tickets].sort(
      (one, two) => two.updated_at.localeCompare(one.updated_at) || two.id - one.id,
    );
    at("no-tickets").hidden = tickets.length > 0;
    at("ticket-count").textContent = tickets.length ? String(tickets.length) : "";
    show(at("tickets"), tickets.map(summary), {
      key: (ticket) => ticket.id,
      make: (ticket) => row(ticket, actions.pickTicket),
    });
    for (const button of at("tickets").querySelectorAll("button"))
      button.setAttribute("aria-current", String(Number(button.value) === view.ticketId));
    const place = `${view.ticketId} ${tickets.findIndex(({ id }) => id === view.ticketId)}`;
    if (place !== placeShown) revealRow();
    placeShown = place;
    showTicket(
      state.tickets.find((ticket) => ticket.id === view.ticketId),
      state.tickets,
      state.messages,
      actions,
    );
  };
}

/** Bring the chosen ticket's row into sight: the list scrolls, down or sideways. */
function revealRow() {
  const row = at("tickets").querySelector("[aria-current=true]");
  row?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function summary(ticket) {
  const last = ticket.comments.at(-1);
  return {
    id: ticket.id,
    status: ticket.status,
    subject: ticket.subject,
    requester: ticket.requester,
    updated_at: ticket.updated_at,
    preview: last ? last.plain.slice(0, 120) : "",
  };
}

function row(ticket, onPick) {
  return el(
    "li",
    {},
    el(
      "button",
      {
        type: "button",
        class: "ticket-row",
        value: ticket.id,
        data: { testid: `ticket-${ticket.id}` },
        on: { click: () => onPick(ticket.id) },
      },
      badge(ticket.status),
      el("span", { class: "row-who", dir: "auto", text: ticket.requester }),
      el("span", { class: "row-time", text: timeOf(ticket.updated_at) }),
      el("span", { class: "row-what", dir: "auto", text: ticket.preview || ticket.subject }),
      el("span", { class: "row-id", text: `#${ticket.id}` }),
    ),
  );
}

const badge = (status) => el("span", { class: `badge ${status}`, text: status });

let ticketShown = null;

function showTicket(ticket, tickets, messages, actions) {
  at("no-ticket").hidden = Boolean(ticket);
  at("ticket-body").hidden = !ticket;
  if (!ticket) return;
  at("ticket-status").className = `badge ${ticket.status}`;
  at("ticket-status").textContent = ticket.status;
  at("ticket-subject").textContent = ticket.subject;
  at("ticket-number").textContent = `#${ticket.id}`;
  at("ticket-facts").replaceChildren(...facts(ticket));
  show(at("ticket-tags"), ticket.tags, {
    key: (tag) => tag,
    make: (tag) => el("li", { text: tag }),
  });
  show(at("moves"), MOVES[ticket.status] ?? [], {
    key: (status) => status,
    signature: (status) => `${ticket.id} ${status}`,
    make: (status) =>
      el("button", {
        type: "button",
        class: "button",
        text: VERBS[status],
        data: { testid: `status-${status}` },
        on: { click: () => actions.setStatus(ticket.id, status) },
      }),
  });
  showMerge(ticket, tickets, actions);
  const closed = ticket.status === "closed";
  at("reply").hidden = closed;
  at("closed-note").hidden = !closed;
  showComments(ticket, messages);
}

/** The other tickets of this customer that it could be merged into. */
function showMerge(ticket, tickets, actions) {
  const others = tickets.filter(
    (one) => one.id !== ticket.id && one.phone === ticket.phone && one.status !== "closed",
  );
  const offered = ticket.status !== "closed" && others.length > 0;
  show(at("merge-place"), offered ? [{ id: ticket.id, into: others.map(({ id }) => id) }] : [], {
    key: ({ id }) => id,
    make: ({ id, into }) => {
      const menu = el(
        "select",
        { class: "button", "aria-label": "Merge this ticket", data: { testid: "merge" } },
        el("option", { value: "", disabled: true, selected: true, text: "Merge" }),
        ...into.map((other) => el("option", { value: other, text: `into #${other}` })),
      );
      menu.addEventListener("change", () => actions.merge(id, Number(menu.value)));
      return menu;
    },
  });
}

function facts(ticket) {
  const parts = [
    el("span", { dir: "auto", text: ticket.requester }),
  ];
  const digits = (text) => text.replace(/\D/gu, "");
  if (digits(ticket.requester) !== digits(ticket.phone))
    parts.push(el("span", { text: readable(ticket.phone) }));
  if (ticket.follow_up_of)
    parts.push(el("span", { class: "follow-up", text: `Follow-up of #${ticket.follow_up_of}` }));
  return parts;
}

function showComments(ticket, messages) {
  const log = at("comments");
  const items = ticket.comments.map((comment) => ({
    ...comment,
    sending: comment.public ? sendingOf(comment, messages) : null,
  }));
  const change = () => show(log, items, { key: (comment) => comment.id, make: commentNode });
  if (ticket.id === ticketShown) keepAtEnd(log, change);
  else {
    log.replaceChildren();
    change();
    for (const node of log.children) node.classList.remove("fresh");
    toEnd(log);
    ticketShown = ticket.id;
  }
}

/** What the bridge says became of a reply; null for what it never sent. */
function sendingOf(comment, messages) {
  const message = messages.find(
    (one) => one.direction === "outbound" && one.comment_id === comment.id,
  );
  if (!message) return null;
  return { state: message.state, parts: message.parts?.length ?? 0, sender: message.sender };
}

function commentNode(comment) {
  const body = el("div", { class: `comment-text${comment.html ? "" : " plain"}`, dir: "auto" });
  if (comment.html) body.append(safeFragment(comment.html));
  else body.textContent = comment.plain;
  const note = !comment.public;
  const who = comment.role === "bridge" ? "SMS bridge" : comment.author;
  return el(
    "div",
    {
      class: `comment ${comment.role}${note ? " note" : ""}`,
      data: { testid: "comment", commentId: comment.id, public: String(comment.public) },
    },
    comment.role === "bridge"
      ? el("img", { class: "face", src: "/sandbox/static/mark.svg", alt: "" })
      : el("span", { class: `face hue-${hueOf(who)}`, "aria-hidden": "true", text: initials(who) }),
    el(
      "div",
      { class: "comment-main" },
      el(
        "p",
        { class: "comment-head" },
        el("strong", { dir: "auto", text: who }),
        note ? el("span", { class: "note-mark" }, icon("lock"), "Internal note") : null,
        el("time", { datetime: comment.at, text: timeOf(comment.at) }),
      ),
      body,
      ...comment.pictures.map((id) => picture(id, "Picture in this comment")),
      ...comment.attachments.map((name) =>
        el("p", { class: "comment-file" }, icon("file"), el("span", { text: name })),
      ),
      comment.sending ? sendingLine(comment.sending) : null,
    ),
  );
}

function sendingLine({ state, parts, sender }) {
  const [picture, words] = STATES[state] ?? ["queued", state];
  const inParts = parts > 1 ? `, in ${parts} texts` : "";
  return el(
    "p",
    { class: `comment-sending ${picture}`, data: { testid: "comment-sending", state } },
    icon(picture),
    `${words} by text from ${readable(sender)}${inParts}`,
  );
}
