// Words as chips: a field with commas becomes one chip a word, each with a button that takes it
// away. What is sent stays the same: one field of this name for each word.

const ENDS = /[,;\n]/;

function makeChips(field) {
  const input = field.querySelector("input");
  const name = field.dataset.chips;
  const box = document.createElement("div");
  box.className = "chip-box";
  const first = input.value;
  input.replaceWith(box);
  input.value = "";
  box.append(input);
  input.name = name; // a word that was typed and not ended counts as well
  input.placeholder = "";

  const words = () => [...box.querySelectorAll("input[type=hidden]")].map((one) => one.value);
  const tell = () => box.dispatchEvent(new Event("change", { bubbles: true }));

  function add(word) {
    const wanted = word.trim();
    if (!wanted || words().includes(wanted)) {
      return;
    }
    const chip = document.createElement("span");
    chip.className = "chip word";
    chip.dataset.testid = "chip";
    const text = document.createElement("bdi");
    text.textContent = wanted;
    const kept = document.createElement("input");
    kept.type = "hidden";
    kept.name = name;
    kept.value = wanted;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", `Remove ${wanted}`);
    button.addEventListener("click", () => {
      chip.remove();
      input.focus();
      tell();
    });
    chip.append(text, kept, button);
    box.insertBefore(chip, input);
  }

  function take() {
    const parts = input.value.split(ENDS);
    input.value = "";
    parts.forEach(add);
  }

  input.addEventListener("input", () => {
    if (ENDS.test(input.value)) {
      const parts = input.value.split(ENDS);
      input.value = parts.pop();
      parts.forEach(add);
    }
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && input.value.trim()) {
      event.preventDefault(); // it ends the word, and doesn't send the form
      take();
      tell();
    } else if (event.key === "Backspace" && !input.value) {
      box.querySelector(".chip:last-of-type")?.remove();
      tell();
    }
  });
  input.addEventListener("blur", () => {
    if (input.value.trim()) {
      take();
      tell();
    }
  });
  box.addEventListener("click", (event) => event.target === box && input.focus());
  first.split(ENDS).forEach(add);
}

document.querySelectorAll("[data-chips]").forEach((field) => {
  if (!field.querySelector("input").matches(":disabled")) {
    makeChips(field);
  }
});
