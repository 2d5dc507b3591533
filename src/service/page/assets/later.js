// Cards that look at many flows come after the page, one after the other: together they would be no
// faster, and others wait, too.

const card = async (address) => {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return answer.ok ? page.querySelector("main section.card") : null;
};

export async function filling(places) {
  const said = (place) => place.querySelector("[role=status]");
  for (const place of places) {
    place.setAttribute("aria-busy", "true");
    said(place).classList.add("state", "busy");
    said(place).textContent = "Counting";
  }
  for (const place of places) {
    let counted = null;
    try {
      counted = await card(place.dataset.from);
    } catch {
      // It is said below, as of one that is refused.
    }
    if (counted) {
      place.replaceWith(document.adoptNode(counted));
      continue;
    }
    const again = document.createElement("a");
    again.href = place.dataset.from;
    again.textContent = "Try again";
    place.removeAttribute("aria-busy");
    said(place).classList.replace("busy", "wrongly");
    said(place).replaceChildren("Could not be counted. ", again);
  }
}
