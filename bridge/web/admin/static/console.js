// What every page does: times in the reader's own zone, the menu on a phone, questions before
// what can't be undone.

const DAY_MS = 24 * 3600 * 1000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function localise(root) {
  const today = date.format(new Date());
  for (const element of root.querySelectorAll("time[datetime]:not([title])")) {
    const moment = new Date(element.dateTime);
    const day = date.format(moment);
    const isToday = day === today || Date.now() - moment < 0.5 * DAY_MS;
    element.textContent = isToday ? clock.format(moment) : `${day}, ${clock.format(moment)}`;
    element.title = full.format(moment);
  }
}

function foldMenu() {
  const button = document.getElementById("menu-button");
  const menu = document.getElementById("menu");
  document.documentElement.classList.add("scripted");
  button?.addEventListener("click", () => {
    const open = menu.classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  });
  menu?.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.classList.contains("open")) {
      button.click();
      button.focus();
    }
  });
}

// <form data-ask="Give it up for good?">: asked before it is sent.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});

// Fields that filter a list send it by themselves.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-sends]")) {
    event.target.form.requestSubmit();
  }
});

function put(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true })); // as if it had been typed
  field.focus();
}

// <button data-fill="reply" data-text="...">: puts these words into that field.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-fill]");
  const field = button && document.getElementById(button.dataset.fill);
  if (field) {
    put(field, button.dataset.text);
  }
});

// <select data-adds="reply">: adds the words that are chosen to what that field holds.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-adds]")) {
    const field = document.getElementById(event.target.dataset.adds);
    const before = field.value.trimEnd();
    put(field, before ? `${before}\n${event.target.value}` : event.target.value);
    event.target.selectedIndex = 0;
  }
});

// <select data-inserts="text">: puts what is chosen where the cursor is.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-inserts]") && event.target.value) {
    const field = document.getElementById(event.target.dataset.inserts);
    const at = field.selectionStart + event.target.value.length;
    const [begin, end] = [field.value.slice(0, field.selectionStart), field.value.slice(field.selectionEnd)];
    put(field, begin + event.target.value + end);
    field.setSelectionRange(at, at);
    event.target.selectedIndex = 0;
  }
});

document.addEventListener("htmx:afterSettle", (event) => localise(event.target));
localise(document);
foldMenu();
