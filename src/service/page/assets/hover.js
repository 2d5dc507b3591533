// What a column of a plot has is told beside the pointer, or by the arrow keys. The plot says it in
// the titles of its columns, which are shown by the browser where there is no script.

export function hovering(figure) {
  const spots = [...figure.querySelectorAll(".spot")];
  if (spots.length === 0) return;
  const texts = new Map();
  for (const spot of spots) {
    const title = spot.querySelector("title");
    texts.set(spot, title.textContent);
    title.remove();
  }
  const told = document.createElement("div");
  told.className = "told";
  told.hidden = true;
  told.setAttribute("role", "status");
  figure.append(told);

  const show = (spot) => {
    told.textContent = texts.get(spot);
    told.hidden = false;
    const [around, at] = [figure.getBoundingClientRect(), spot.getBoundingClientRect()];
    const right = at.right - around.left + 8;
    const fits = right + told.offsetWidth <= around.width;
    const left = fits ? right : Math.max(0, at.left - around.left - told.offsetWidth - 8);
    told.style.left = `${left}px`;
    told.style.top = `${Math.max(0, at.top - around.top + 6)}px`;
  };
  const hide = () => { told.hidden = true; };

  figure.addEventListener("pointermove", (event) => {
    const spot = event.target.closest?.(".spot");
    if (spot && texts.has(spot)) show(spot); else hide();
  });
  figure.addEventListener("pointerleave", hide);

  let chosen = -1;
  figure.tabIndex = 0;
  figure.addEventListener("keydown", (event) => {
    const shown = spots.filter((spot) => spot.getClientRects().length > 0);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") hide();
    if (!step || shown.length === 0) return;
    event.preventDefault();
    chosen = Math.min(Math.max(chosen + step, 0), shown.length - 1);
    show(shown[chosen]);
  });
  figure.addEventListener("blur", hide);
}
