// A stretch of a plot over time that is drawn over becomes the window of the page.

const time = (millis) => new Date(millis).toISOString().replace(".000Z", "Z");

export function brushing(figure) {
  let from = null;
  let to = null;

  const spotsBetween = (one, other) => {
    const spots = [...one.parentNode.querySelectorAll(".spot")];
    const [a, b] = [spots.indexOf(one), spots.indexOf(other)].sort((x, y) => x - y);
    return { spots, a, b };
  };
  const mark = () => {
    figure.querySelectorAll(".spot.chosen").forEach((spot) => spot.classList.remove("chosen"));
    if (!from || !to) return;
    const { spots, a, b } = spotsBetween(from, to);
    spots.slice(a, b + 1).forEach((spot) => spot.classList.add("chosen"));
  };
  const spotAt = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".spot");
  const end = () => {
    from = to = null;
    figure.classList.remove("brushed");
    mark();
  };

  figure.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    from = to = spotAt(event);
    if (!from) return;
    event.preventDefault();
    figure.classList.add("brushed");
    mark();
  });
  window.addEventListener("pointermove", (event) => {
    if (!from) return;
    const spot = spotAt(event);
    if (spot && spot.parentNode === from.parentNode) {
      to = spot;
      mark();
    }
  });
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
  window.addEventListener("pointerup", () => {
    if (!from) return;
    const { spots, a, b } = spotsBetween(from, to);
    // Of one column there is nothing to be seen that is not seen already.
    if (a === b) return end();
    const since = Number(spots[a].dataset.since);
    const until = b + 1 < spots.length ? Number(spots[b + 1].dataset.since) : Number(figure.dataset.until);
    const address = new URL(location.href);
    address.searchParams.set("since", time(since));
    address.searchParams.set("until", time(until));
    address.searchParams.delete("page");
    location.assign(address);
  });
}
