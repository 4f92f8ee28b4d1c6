// Rich text from a ticket, made harmless: parsed into a document that runs and loads nothing, then
// rebuilt from a short list of elements. What is not on the list leaves its text behind.

const ALLOWED = new Set(
  "A B BLOCKQUOTE BR CODE DIV EM H1 H2 H3 H4 HR I LI OL P PRE S SPAN STRONG U UL".split(" "),
);
const DROPPED_WHOLE = new Set("SCRIPT STYLE TEMPLATE IFRAME OBJECT SVG MATH TITLE".split(" "));
const DEEPEST = 40;

/** A fragment of safe nodes with the meaning of `html`. */
export function safeFragment(html) {
  const foreign = new DOMParser().parseFromString(html, "text/html");
  const fragment = document.createDocumentFragment();
  copyChildren(foreign.body, fragment, 0);
  return fragment;
}

/** `html` in the allowed elements only, as text to send. */
export function safeHtml(html) {
  const holder = document.createElement("div");
  holder.append(safeFragment(html));
  return holder.innerHTML;
}

function copyChildren(from, to, depth) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.append(node.data);
    else if (node.nodeType === Node.ELEMENT_NODE) copyElement(node, to, depth);
  }
}

function copyElement(node, to, depth) {
  const tag = node.tagName.toUpperCase();
  if (DROPPED_WHOLE.has(tag)) return;
  if (!ALLOWED.has(tag) || depth > DEEPEST) {
    copyChildren(node, to, depth);
    return;
  }
  const copy = document.createElement(tag);
  if (tag === "A" && !giveAddress(copy, node.getAttribute("href"))) {
    copyChildren(node, to, depth);
    return;
  }
  copyChildren(node, copy, depth + 1);
  to.append(copy);
}

function giveAddress(anchor, address) {
  const url = webAddress(address);
  if (!url) return false;
  anchor.href = url;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  return true;
}

/** The address as an absolute one, null unless it is for the web or for mail. */
export function webAddress(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
