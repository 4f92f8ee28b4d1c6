// A chosen file is put into the text field, where it can be read before it is sent.

const chooser = document.getElementById("chooser");
if (chooser) {
  chooser.hidden = false;
  const field = document.getElementById("file");
  chooser.querySelector("input").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) {
      field.value = await file.text();
      field.focus();
    }
  });
}
