// A file that is chosen is read into the text of the form, which is what is sent.

export function reading(label) {
  const form = label.closest("form");
  const chosen = label.querySelector("input");
  label.hidden = false;
  chosen.addEventListener("change", async () => {
    const [file] = chosen.files;
    if (!file) return;
    form.elements[label.dataset.reads].value = await file.text();
    form.elements.file.value = file.name;
    const { name } = form.elements;
    if (!name.value) {
      name.value = file.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
    }
  });
}
