// What may come next in a filter, as the API says it, in a list below the field.

const MOST = 12;
let lists = 0;

export function completing(input) {
  const list = document.createElement("ul");
  list.id = `completions-${++lists}`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Completions");
  list.hidden = true;
  input.parentNode.classList.add("completes");
  input.parentNode.append(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
    autocomplete: "off",
  })) input.setAttribute(name, value);

  let items = [];
  let chosen = -1;
  let asked = 0;

  const hide = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  };
  const choose = (place) => {
    chosen = place;
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === place)));
    const item = list.children[place];
    if (!item) return;
    input.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  };
  const take = (place) => {
    const { start, end, text } = items[place];
    input.value = `${input.value.slice(0, start)}${text} ${input.value.slice(end).trimStart()}`;
    const at = start + text.length + 1;
    input.setSelectionRange(at, at);
    hide();
    ask();
  };
  const show = (answer) => {
    items = answer;
    list.replaceChildren(...answer.map(({ text, kind }, number) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${number}`;
      item.setAttribute("role", "option");
      const about = document.createElement("span");
      about.textContent = kind ?? "";
      item.append(text, about);
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(number); });
      return item;
    }));
    list.hidden = answer.length === 0;
    input.setAttribute("aria-expanded", String(answer.length > 0));
    choose(-1);
  };
  const ask = async () => {
    const number = ++asked;
    const typed = input.value.slice(0, input.selectionStart);
    const address = new URL(input.dataset.complete, location.href);
    address.searchParams.set("where", typed);
    try {
      const answer = await fetch(address, { headers: { accept: "application/json" } });
      if (number !== asked || !answer.ok) return;
      const { from, words } = await answer.json();
      if (document.activeElement !== input) return;
      const start = [...typed].slice(0, from).join("").length;
      show(words.slice(0, MOST).map(({ text, kind }) => ({ start, end: typed.length, text, kind })));
    } catch {
      // A server that is gone completes nothing.
    }
  };

  let waiting;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.hidden) return void ask();
    if (list.hidden) return;
    const count = items.length;
    if (event.key === "ArrowDown") choose((chosen + 1) % count);
    else if (event.key === "ArrowUp") choose((chosen + count) % (count + 1) - 1 < 0 ? count - 1 : chosen - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) take(chosen);
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", hide);
}
