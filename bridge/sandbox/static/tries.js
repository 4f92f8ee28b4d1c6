// What a newcomer may want to see, one button each, with one sentence on what to watch for.

import { el } from "./dom.js";
import { longLetter } from "./letter.js";

const at = (id) => document.getElementById(id);

const GREETING = "Hi! My parcel 1042 says delivered, but nothing is here. Can you look?";

const TRIES = [
  ["hello", "First text", "Watch a ticket open on the right, in the customer’s name: the agent never leaves Zendesk.",
    (go) => go.text(GREETING)],
  ["join", "JOIN", "A keyword rule answers on the phone, and no ticket is made.",
    (go) => go.text("JOIN")],
  ["help", "HELP", "Answered at once, and an agent gets a ticket too.",
    (go) => go.text("HELP")],
  ["stop", "STOP", "One confirmation, then silence: answer the ticket now and see the agent told why it isn’t sent.",
    (go) => go.text("STOP")],
  ["start", "START", "Lifts the opt-out: replies reach the phone again.",
    (go) => go.text("START")],
  ["emoji", "Emoji 🎉", "Every character arrives as it was sent, skin tones and flags too.",
    (go) => go.text("It came! 🎉 My daughter 👩🏽‍🚀 says thank you 🇳🇿 — 10/10 <b>would</b> order again")],
  ["arabic", "عربي", "Right-to-left text stands right-to-left on the ticket.",
    (go) => go.text("مرحبا، هل يمكنكم تأكيد موعد توصيل الطلب رقم ١٠٤٢؟ شكرا")],
  ["picture", "A picture", "It is fetched from the carrier and attached to the comment.",
    (go) => go.picture("The mug arrived like this. Can I have another one?")],
  ["burst", "Burst of 3", "Three texts in one moment: one ticket, three comments, in the order they were sent.",
    (go) => go.burst(["Are you there?", "It is about the blue one", "Not the red one, sorry"])],
  ["copies", "Same webhook 5×", "The carrier delivers one webhook five times; the ticket has the text once.",
    (go) => go.text("Did you get this more than once?", 5)],
  ["outage", "Zendesk is down", "Texts are kept while Zendesk is away. Send some, then switch it back on: they arrive in order.",
    (go) => go.toggleOutage()],
  ["undelivered", "Next reply fails", "Answer the ticket: the text can’t be delivered, and a private note tells the agent why.",
    (go) => go.failNext()],
  ["long", "5,000-character reply", "It waits in the agent’s composer: send it, and see it arrive in parts, in order.",
    (go) => go.writeLong(longLetter())],
];

/** Build the buttons. `go` does what they ask for. */
export function startTries(go) {
  const box = at("tries");
  for (const [name, label, sentence, action] of TRIES) {
    box.append(
      el("button", {
        type: "button",
        class: "try",
        text: label,
        "aria-describedby": "watch",
        data: { testid: `try-${name}`, try: name },
        on: {
          click: () => {
            tell(sentence);
            box.dataset.last = name;
            action(go);
          },
          mouseenter: () => tell(sentence),
          focus: () => tell(sentence),
        },
      }),
    );
  }
  box.addEventListener("mouseleave", () => tell(sentenceOf(box.dataset.last)));
  tell(sentenceOf());

  return (state, view) => {
    const outage = box.querySelector("[data-try=outage]");
    outage.setAttribute("aria-pressed", String(state.zendesk_down));
    outage.textContent = state.zendesk_down ? "Bring Zendesk back" : "Zendesk is down";
    const person = state.customers.find((one) => one.number === view.customer);
    const failing = Boolean(person) && person.next_delivery !== "delivered";
    box.querySelector("[data-try=undelivered]").setAttribute("aria-pressed", String(failing));
    box.querySelector("[data-try=long]").disabled = !view.canReply;
  };
}

const sentenceOf = (name) =>
  TRIES.find(([known]) => known === name)?.[2] ?? "Press one and watch both sides. What to look for is said here.";

function tell(sentence) {
  if (at("watch").textContent !== sentence) at("watch").textContent = sentence;
}

export { GREETING };
