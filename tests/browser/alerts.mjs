// The pages of alerts, of a server that found something of each kind.

import assert from "node:assert/strict";
import { look, run } from "./browser.mjs";

const heading = (page) => page.locator("h1").innerText();
const rows = (page) => page.locator("table.alerts tbody tr");

/// The evidence that each kind has: what is drawn, and a mark of it.
const EVIDENCE = {
  beacon: ["When it called", "How long it paused"],
  scan: ["Whom it tried"],
  spread: ["Where it logged in", "In which networks"],
  ddos: ["What it received by the minute"],
  exfil: ["What it sent to the outside by the hour"],
  long: ["Its traffic over time"],
};

await run({
  async "what stands out is listed, the gravest in front by a link"(page) {
    await page.goto("/");
    await page.getByRole("link", { name: "Alerts", exact: true }).click();
    assert.equal(await heading(page), "Alerts");
    assert.ok(await rows(page).count() > 10);
    await look(page, "alerts");
    const high = page.locator(".tiles > div", { hasText: "high" }).getByRole("link");
    const count = Number((await high.innerText()).split(" ")[0]);
    await high.click();
    assert.equal(await rows(page).count(), Math.min(count, 50));
    assert.equal(await page.locator("table.alerts .grave:not(.high)").count(), 0);
  },

  async "all pages are found in the head, whatever the width"(page) {
    await page.goto("/alerts");
    for (const width of [1280, 1024]) {
      await page.setViewportSize({ width, height: 900 });
      const { height } = await page.locator("header.head").boundingBox();
      assert.ok(height < 60, `the head is ${height} pixels high at ${width}`);
    }
    await page.locator("summary", { hasText: "More" }).click();
    await page.getByRole("link", { name: "Watch", exact: true }).click();
    assert.equal(await heading(page), "Watch lists");
    assert.equal(await page.locator(".more summary").innerText(), "Watch");
  },

  async "each kind has its evidence"(page) {
    for (const [kind, titles] of Object.entries(EVIDENCE)) {
      await page.goto(`/alerts?name=${kind}`);
      await rows(page).first().getByRole("link").click();
      for (const title of titles) {
        const card = page.locator("section", { has: page.getByRole("heading", { name: title }) });
        assert.ok(await card.locator(".broad svg :is(rect, path):not(.background)").count() > 0, title);
      }
      await look(page, `alert-${kind}`);
    }
  },

  async "one is closed with a note, and suppressed"(page) {
    await page.goto("/alerts?name=scan");
    const before = await rows(page).count();
    await rows(page).first().getByRole("link").click();
    const title = await heading(page);
    await page.getByLabel("Note").fill("ours <b>");
    await page.getByRole("button", { name: "I look at it" }).click();
    assert.ok((await page.locator("main").innerText()).includes("ours <b>"));
    await page.locator("summary", { hasText: "suppress it" }).click();
    await page.getByLabel("Why").fill("our own scanner");
    await look(page, "alert-suppress");
    await page.getByRole("button", { name: "Suppress, and close" }).click();
    assert.equal(await heading(page), title);
    assert.ok((await page.locator("main").innerText()).includes("suppressed (1): our own scanner"));
    await page.goto("/alerts?name=scan");
    assert.equal(await rows(page).count(), before - 1);
    await page.getByRole("link", { name: "suppressed" }).click();
    assert.ok((await page.locator("main").innerText()).includes("our own scanner"));
    await look(page, "suppressed");
    await page.getByRole("button", { name: "Remove suppression 1" }).click();
    assert.ok((await page.locator("main").innerText()).includes("Nothing is suppressed"));
  },

  async "where there is nothing that is said"(page) {
    await page.goto("/alerts?name=nothing");
    assert.ok((await page.locator("main").innerText()).includes("No such alerts"));
    await look(page, "alerts-none");
  },
});
