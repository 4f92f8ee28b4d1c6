// Small tools for building the page. Data only ever enters as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: `props` are class, text, on (listeners), data, or plain attributes. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A picture that a text or a comment carries, by its id. */
export const picture = (id, alt) =>
  el("img", { class: "picture", src: `/sandbox/pictures/${encodeURIComponent(id)}`, alt });

/** An icon from the sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/sandbox/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Make `parent` show `items`, keeping the nodes of unchanged ones, so that focus, selection and
 * scroll survive. `key` names an item; `signature` holds all that its node shows.
 */
export function show(parent, items, { key, make, signature = JSON.stringify }) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const mark = signature(item);
    let node = old.get(name);
    if (!node || node.dataset.mark !== mark) {
      const fresh = make(item);
      fresh.dataset.key = name;
      fresh.dataset.mark = mark;
      if (node) {
        const focused = node.contains(document.activeElement);
        if (place === node) place = fresh;
        node.replaceWith(fresh);
        if (focused) fresh.focus();
      } else {
        fresh.classList.add("fresh");
        // Or it would arrive again whenever its side of the page is shown again.
        fresh.addEventListener("animationend", () => fresh.classList.remove("fresh"));
      }
      node = fresh;
    }
    old.delete(name);
    if (node === place) place = node.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

const atEnd = new WeakSet(); // the logs whose newest line is in sight, or should be

/** Let `log` stay at its end, also when its size changes, unless its reader has scrolled away. */
export function pinToEnd(log) {
  let height = 0;
  log.addEventListener("scroll", () => {
    if (log.clientHeight !== height) return; // its size changed: nobody scrolled
    if (log.scrollHeight - log.scrollTop - height < 60) atEnd.add(log);
    else atEnd.delete(log);
  });
  new ResizeObserver(() => {
    height = log.clientHeight;
    if (atEnd.has(log)) toEnd(log);
  }).observe(log);
  toEnd(log);
}

/** Go to the end of a pinned log, and stay there. */
export function toEnd(log) {
  atEnd.add(log);
  log.scrollTop = log.scrollHeight;
}

/** Run `change`; a pinned log that was at its end stays there. */
export function keepAtEnd(log, change) {
  change();
  if (atEnd.has(log)) toEnd(log);
}

/** A group of radio buttons in looks of our own; arrow keys work as the browser has them. */
export function choice(group, { name, value, label, checked, onPick, content, testid }) {
  const input = el("input", { type: "radio", name, value, data: { testid }, "aria-label": label });
  input.checked = checked;
  input.addEventListener("change", () => onPick(value));
  return el("label", { class: `choice ${group}` }, input, ...content);
}

const clock = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });
const clockToSeconds = new Intl.DateTimeFormat([], {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const date = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short" });

export const timeOf = (at) => clock.format(new Date(at));
export const preciseTimeOf = (at) => clockToSeconds.format(new Date(at));

/** Today, Yesterday or the date. */
export function dayOf(at) {
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(Date.now()) - midnight(at)) / 86_400_000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : date.format(new Date(at));
}

/** "+12025550100" as people write it. Other numbers stay as they are. */
export function readable(number) {
  const match = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return match ? `(${match[1]}) ${match[2]}-${match[3]}` : number;
}

/** Two letters for a face; of a number, its last two digits. */
export const initials = (name) =>
  /^[+(\d]/u.test(name) ? name.replace(/\D/gu, "").slice(-2) : lettersOf(name);

const lettersOf = (name) =>
  name
    .split(/\s+/u)
    .map((word) => [...word][0])
    .slice(0, 2)
    .join("")
    .toUpperCase();

/** One of six hues, the same for the same name. */
export function hueOf(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 9 + letter.codePointAt(0)) % 997;
  return sum % 6;
}
