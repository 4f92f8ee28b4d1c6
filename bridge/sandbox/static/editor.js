// The agent's composer: public reply or internal note, a little rich text, HTML out.

import { choice, el, icon } from "./dom.js";
import { safeFragment, safeHtml, webAddress } from "./safe_html.js";

const at = (id) => document.getElementById(id);
const TOOLS = [
  ["bold", "Bold", () => format("bold")],
  ["list", "Bulleted list", () => format("insertUnorderedList")],
  ["link", "Link", () => openLinkForm()],
];
const drafts = new Map(); // ticket id -> what was being written there
let shownTicket = null;
let range = null; // where the caret was before the link form took the focus

// `execCommand` is old but in every browser, and the one way in that keeps undo.
function format(command, value = null) {
  at("editor").focus();
  document.execCommand(command, false, value);
}

/** Wire the composer. `onSend({html, public})` answers whether it went through. */
export function startEditor(onSend) {
  const editor = at("editor");
  document.execCommand("defaultParagraphSeparator", false, "p");
  at("reply-kinds").append(...["reply", "note"].map((kind) => kindChoice(kind)));
  at("tools").append(...TOOLS.map(toolButton));
  editor.addEventListener("paste", (event) => {
    event.preventDefault(); // a page's styles have no business in a reply
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  editor.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("reply").requestSubmit();
  });
  at("link-apply").addEventListener("click", applyLink);
  at("link-address").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      applyLink();
    } else if (event.key === "Escape") closeLinkForm();
  });
  at("reply").addEventListener("submit", async (event) => {
    event.preventDefault();
    const html = safeHtml(editor.innerHTML);
    if (!editor.textContent.trim()) return editor.focus();
    editor.replaceChildren();
    if (!(await onSend({ html, public: isPublic() }))) editor.replaceChildren(safeFragment(html));
  });
  showKind();
}

/** Keep what is being written with its ticket. */
export function showDraftOf(ticketId) {
  if (ticketId === shownTicket) return;
  const editor = at("editor");
  if (shownTicket !== null) drafts.set(shownTicket, [...editor.childNodes]);
  shownTicket = ticketId;
  editor.replaceChildren(...(drafts.get(ticketId) ?? []));
  closeLinkForm();
}

/** Put paragraphs into the composer, as a public reply, ready to be sent. */
export function write(paragraphs) {
  at("reply-kinds").querySelector("input[value=reply]").click();
  at("editor").replaceChildren(...paragraphs.map((text) => el("p", { text })));
  at("editor").focus();
}

const isPublic = () => at("reply").dataset.public === "true";

function kindChoice(kind) {
  const label = kind === "reply" ? "Public reply" : "Internal note";
  return choice("kind", {
    name: "kind",
    value: kind,
    checked: kind === "reply",
    testid: `kind-${kind}`,
    onPick: (picked) => {
      at("reply").dataset.public = String(picked === "reply");
      showKind();
    },
    content: [el("span", {}, icon(kind === "reply" ? "reply" : "lock"), label)],
  });
}

function showKind() {
  const words = isPublic() ? "Reply by text message" : "A note that only agents see";
  at("editor").dataset.placeholder = words;
  at("submit-reply").textContent = isPublic() ? "Send reply" : "Add note";
}

function toolButton([name, label, action]) {
  const button = el(
    "button",
    {
      type: "button",
      class: "tool",
      title: label,
      "aria-label": label,
      data: { testid: `tool-${name}` },
    },
    icon(name),
  );
  button.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the selection
  button.addEventListener("click", action);
  return button;
}

function openLinkForm() {
  const selection = getSelection();
  const inside = selection.rangeCount && at("editor").contains(selection.anchorNode);
  range = inside ? selection.getRangeAt(0) : null;
  at("link-form").hidden = false;
  at("link-address").value = "https://";
  at("link-address").focus();
}

function closeLinkForm() {
  at("link-form").hidden = true;
}

function applyLink() {
  const address = webAddress(at("link-address").value.trim());
  if (!address) return at("link-address").focus();
  closeLinkForm();
  at("editor").focus();
  if (range) {
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  if (getSelection().isCollapsed) document.execCommand("insertText", false, address);
  selectBack(address);
  document.execCommand("createLink", false, address);
  getSelection().collapseToEnd();
}

/** With nothing selected the address itself becomes the link: select what was just typed. */
function selectBack(address) {
  const selection = getSelection();
  if (!selection.isCollapsed) return;
  for (let left = address.length; left > 0; left -= 1) selection.modify("extend", "backward", "character");
}
