// The customer's side: who has the phone, which of the brand's numbers they text, and the thread.

import {
  choice,
  dayOf,
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

const at = (id) => document.getElementById(id);
const TICKS = { queued: "Queued", sent: "Sent", delivered: "Delivered", failed: "Not delivered" };
const KINDS = { long_code: "local number", toll_free: "toll-free", short_code: "short code" };

/** Wire the phone. `actions`: pickCustomer, pickSender, send. */
export function startPhone(actions) {
  const input = at("phone-input");
  const form = at("phone-form");
  form.querySelector("button").append(icon("send"));
  at("phone-radio").append(icon("radio"));
  const tick = () => (at("phone-clock").textContent = timeOf(Date.now()));
  tick();
  pinToEnd(at("bubbles"));
  setInterval(tick, 10_000);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = input.value;
    if (!body.trim()) return;
    input.value = "";
    fit(input);
    if (!(await actions.send(body))) input.value = body;
  });
  input.addEventListener("input", () => fit(input));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  return (state, view) => {
    keyed(at("people"), state.customers, view.customer, personChoice, actions.pickCustomer);
    keyed(at("numbers"), state.senders, view.sender, numberChoice, actions.pickSender);
    const brand = state.senders.find((sender) => sender.number === view.sender);
    at("brand-name").textContent = brand?.name ?? "";
    at("brand-face").textContent = brand ? initials(brand.name) : "";
    const thread = state.texts.filter(
      (text) => text.customer === view.customer && text.sender === view.sender,
    );
    showThread(thread, view, brand);
  };
}

function fit(input) {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, 120)}px`;
}

function keyed(group, items, picked, make, onPick) {
  show(group, items, {
    key: (item) => item.number,
    signature: (item) => `${JSON.stringify(item)}`,
    make: (item) => make(item, onPick),
  });
  for (const input of group.querySelectorAll("input")) input.checked = input.value === picked;
}

function personChoice(person, onPick) {
  return choice("person", {
    name: "customer",
    value: person.number,
    label: `${person.name}, ${readable(person.number)}`,
    testid: `customer-${person.number}`,
    onPick,
    content: [
      el("span", { class: `face hue-${hueOf(person.name)}`, text: initials(person.name) }),
      el("span", { class: "person-name", text: person.name.split(" ")[0], title: person.about }),
    ],
  });
}

function numberChoice(sender, onPick) {
  return choice("number", {
    name: "sender",
    value: sender.number,
    label: `${sender.name}, ${KINDS[sender.kind] ?? sender.kind} ${sender.number}`,
    testid: `sender-${sender.number}`,
    onPick,
    content: [el("span", { text: readable(sender.number), title: KINDS[sender.kind] })],
  });
}

let threadShown = "";

function showThread(texts, view, brand) {
  const log = at("bubbles");
  const thread = `${view.customer} ${view.sender}`;
  const items = texts.length ? withDays(texts) : [{ id: "empty", empty: brand?.name ?? "" }];
  const change = () => show(log, items, { key: (item) => item.id, make: bubble });
  if (thread === threadShown) keepAtEnd(log, change);
  else {
    log.replaceChildren();
    change();
    for (const node of log.children) node.classList.remove("fresh");
    toEnd(log);
    threadShown = thread;
  }
}

/** The texts with a line for each new day, and the last of a run from one side marked. */
function withDays(texts) {
  const items = [];
  let day = "";
  texts.forEach((text, place) => {
    if (dayOf(text.at) !== day) {
      day = dayOf(text.at);
      items.push({ id: `day ${day}`, day, at: text.at });
    }
    const next = texts[place + 1];
    items.push({ ...text, last: !next || next.from_customer !== text.from_customer });
  });
  return items;
}

function bubble(item) {
  if (item.empty !== undefined)
    return el("p", { class: "no-texts", text: `Text ${item.empty} as a customer would.` });
  if (item.day)
    return el("p", { class: "day" }, el("strong", { text: item.day }), ` ${timeOf(item.at)}`);
  const mine = item.from_customer;
  const files = item.media.map((name) => el("span", { class: "file", text: name }));
  const pictures = item.pictures.map((id) => picture(id, "Picture in this text"));
  return el(
    "div",
    {
      class: `bubble ${mine ? "mine" : "theirs"} ${item.state}${item.last ? " last" : ""}`,
      data: { testid: "bubble", state: item.state, textId: item.id },
    },
    el("p", { class: "bubble-text", dir: "auto", text: item.body }),
    ...files,
    ...pictures,
    el(
      "p",
      { class: "bubble-foot" },
      el("span", { text: timeOf(item.at) }),
      item.copies > 1 && mine ? el("span", { text: `webhook sent ${item.copies}×` }) : null,
      el("span", { class: "tick" }, icon(item.state), el("span", { text: TICKS[item.state] })),
    ),
    item.state === "failed" && item.reason
      ? el("p", { class: "bubble-reason", text: item.reason })
      : null,
  );
}
