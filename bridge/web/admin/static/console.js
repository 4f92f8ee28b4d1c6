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

document.addEventListener("htmx:afterSettle", (event) => localise(event.target));
localise(document);
foldMenu();
