// A command or an address of the API is copied by a button.

// Whether the text is where it can be pasted. Where a browser lets no script do that, as over plain
// http to a name, the text is marked for whoever copies it.
const copied = async (code) => {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
};

export function copying(box) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${box.dataset.what ?? "it"}`);
  button.addEventListener("click", async () => {
    button.textContent = await copied(box.querySelector("code")) ? "Copied" : "Marked: copy it";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  box.append(button);
}
