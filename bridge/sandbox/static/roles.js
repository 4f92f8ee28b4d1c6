// The choice of a role: signs in as its holder and goes on to the console.

import { ask } from "./api.js";

const toast = document.getElementById("toast");

for (const button of document.querySelectorAll("[data-role]")) {
  button.disabled = false; // before this it would do nothing
  button.addEventListener("click", async () => {
    try {
      const { url } = await ask("console", { role: button.dataset.role });
      location.assign(url);
    } catch (error) {
      toast.textContent = error.message;
      toast.hidden = false;
    }
  });
}
