// The main ways through the pages.

import assert from "node:assert/strict";
import { look, run } from "./browser.mjs";

const heading = (page) => page.locator("h1").innerText();
const rows = (page, title) =>
  page.locator("section", { has: page.getByRole("heading", { name: title, exact: true }) }).locator("tbody tr");

await run({
  async "the overview leads to a host"(page) {
    await page.goto("/");
    assert.equal(await heading(page), "Overview");
    await look(page, "overview");
    const source = rows(page, "Sources").first().getByRole("link");
    const address = await source.innerText();
    await source.click();
    assert.equal(await heading(page), address);
  },

  async "cards that take long come later, and say so where they do not"(page, said) {
    await page.goto("/");
    const told = await page.evaluate(async () => {
      const script = document.querySelector("script[type=module]").src;
      const { filling } = await import(new URL("later.js", script));
      const places = ["src", "nothing"].map((key) => {
        const place = document.createElement("section");
        place.dataset.from = `/greatest?key=${key}`;
        place.innerHTML = "<h2>Later</h2><p class=empty role=status></p>";
        document.querySelector("main").append(place);
        return place;
      });
      const filled = filling(places);
      const meanwhile = places.map((place) => place.innerText);
      await filled;
      return [...meanwhile, places[1].innerText];
    });
    assert.deepEqual(told.map((text) => text.split(/\n+/)[1].trim()),
      ["Counting", "Counting", "Could not be counted."]);
    assert.equal(await rows(page, "Sources").count(), 12);
    // The browser tells of the card that was refused.
    assert.match(said.splice(0).join("\n"), /^[^\n]*400[^\n]*$/);
  },

  async "a host has peers, ports and conversations page by page"(page) {
    await page.goto("/?by=flows");
    await rows(page, "Sources").first().getByRole("link").click();
    await look(page, "host");
    assert.ok(await rows(page, "Peers").count() > 0);
    const first = await rows(page, "Conversations").first().innerText();
    await page.getByRole("link", { name: "Next ›" }).click();
    assert.ok(page.url().includes("page=2"));
    assert.notEqual(await rows(page, "Conversations").first().innerText(), first);
    const peer = rows(page, "Conversations").first().getByRole("link");
    const address = await peer.innerText();
    await peer.click();
    assert.equal(await heading(page), address);
  },

  async "an address is looked up from every page"(page) {
    for (const path of ["/", "/explore", "/loads", "/exporters", "/views"]) {
      await page.goto(path);
      await page.getByLabel("An address").fill(" 192.0.2.77 ");
      await page.getByRole("button", { name: "Look up" }).click();
      assert.equal(await heading(page), "192.0.2.77");
      assert.ok((await page.locator("main").innerText()).includes("was never seen"));
    }
    await look(page, "host-unknown");
  },

  async "a stretch that is drawn over becomes the window, which goes along"(page) {
    await page.goto("/");
    const spots = page.locator(".broad .spot");
    const [from, to] = [await spots.nth(30).boundingBox(), await spots.nth(60).boundingBox()];
    await page.mouse.move(from.x + 1, from.y + 80);
    await page.mouse.down();
    await page.mouse.move(to.x + 1, to.y + 90, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/since=/);
    const { since, until } = Object.fromEntries(new URL(page.url()).searchParams);
    assert.ok(Date.parse(until) - Date.parse(since) > 60_000, page.url());
    await rows(page, "Sources").first().getByRole("link").click();
    assert.equal(new URL(page.url()).searchParams.get("since"), since);
    await page.getByRole("link", { name: "Explore" }).click();
    assert.equal(await page.getByLabel("From").inputValue(), since);
  },

  async "a column of a plot says what it has, by pointer and by key"(page) {
    await page.goto("/");
    const spot = await page.locator(".broad .spot").nth(40).boundingBox();
    await page.mouse.move(spot.x + 2, spot.y + 60);
    const told = page.locator(".told");
    assert.match(await told.innerText(), /^\d{4}-\d\d-\d\d \d\d:\d\d\n.*bit\/s$/);
    await page.locator("figure").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.match(await told.innerText(), /bit\/s/);
  },

  async "flows are explored in each shape"(page) {
    await page.goto("/explore");
    await look(page, "explore");
    await page.getByLabel("Filter").fill("proto tcp");
    await page.getByLabel("By keys, up to three").fill("dstport");
    await page.getByLabel("lines").check();
    await page.getByLabel("packets/s").check();
    await page.getByRole("button", { name: "Show", exact: true }).last().click();
    const asked = Object.fromEntries(new URL(page.url()).searchParams);
    assert.deepEqual([asked.where, asked.key, asked.shape, asked.by], ["proto tcp", "dstport", "lines", "packets"]);
    assert.ok(await page.locator(".broad .curve").count() > 3);
    await look(page, "explore-lines");
    await page.getByLabel("By keys, up to three").fill("src,dstport:p,dst");
    await page.getByLabel("sankey").check();
    await page.getByRole("button", { name: "Show", exact: true }).last().click();
    assert.ok(await page.locator(".broad svg a").count() > 3);
    await look(page, "explore-sankey");
    await page.goto("/explore?key=dstport:p&previous=yes&since=2007-07-26T12:00&until=2007-07-26T20:00");
    assert.ok(await page.locator(".broad .curve.before").count() === 1);
    await look(page, "explore-stacked");
  },

  async "what changed is told by keys"(page) {
    await page.goto("/diff");
    await page.getByLabel("By keys").fill("dstport:p");
    await page.getByLabel("Window").first().fill("2007-07-26T12:00..2007-07-26T20:00");
    await page.getByLabel("Against").fill("2007-07-26T04:00..2007-07-26T12:00");
    await page.getByRole("button", { name: "Show", exact: true }).last().click();
    assert.ok(await page.locator("tbody tr").count() === 10);
    await look(page, "diff");
  },

  async "what everybody used is told as it is billed"(page) {
    await page.goto("/report");
    await look(page, "report-empty");
    await page.getByLabel("Month").fill("2007-07");
    await page.getByLabel("By keys").fill("ip/8");
    await page.getByLabel("How many").fill("6");
    await page.getByRole("button", { name: "Show", exact: true }).last().click();
    assert.equal(await page.locator(".usage tbody").count(), 7);
    assert.equal(await page.locator(".usage tbody svg").count(), 7);
    await look(page, "report");
    const csv = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
    const answer = await page.request.get(csv);
    assert.equal((await answer.text()).split("\n").filter((line) => line).length, 8);
  },

  async "a list is watched for, and what it hit is told"(page) {
    await page.goto("/watch");
    await look(page, "watch-empty");
    const list = "122.166.0.0/17 # one\n122.166.26.132\n192.0.2.77:443\n";
    await page.getByLabel("File").setInputFiles(
      { name: "cert list.txt", mimeType: "text/plain", buffer: Buffer.from(list) });
    await page.waitForFunction(() => document.querySelector("textarea").value);
    assert.equal(await page.getByLabel("Name").inputValue(), "cert-list");
    await page.getByRole("button", { name: "Watch for it" }).click();
    assert.equal(await heading(page), "cert-list");
    assert.ok((await page.locator("main").innerText()).includes("from cert list.txt"));
    await look(page, "watch-hits");
    await page.goto("/watch");
    await look(page, "watch");
    await page.getByRole("link", { name: "cert-list" }).click();
    await rows(page, "What was hit").getByRole("link", { name: "122.166.26.132", exact: true }).first().click();
    assert.equal(await heading(page), "122.166.26.132");
    await page.goto("/watch/cert-list");
    await page.getByRole("button", { name: "Forget this list and its hits" }).click();
    assert.ok((await page.locator("main").innerText()).includes("Nothing is watched for"));
  },

  async "what is wrong with a filter is underlined, and the form stays"(page, said) {
    await page.goto("/explore?where=proto%20tcp%20and%20prot%2053&key=src");
    assert.equal(await page.locator(".wrong mark").innerText(), "prot");
    assert.ok((await page.locator(".wrong").innerText()).includes("did you mean"));
    assert.equal(await page.getByLabel("Filter").inputValue(), "proto tcp and prot 53");
    await look(page, "explore-wrong");
    // The browser says of the answer's status what it is.
    said.splice(0, said.length, ...said.filter((text) => !text.includes("400 (Bad Request)")));
  },

  async "a view is kept by name, and forgotten"(page) {
    await page.goto("/explore?key=proto&shape=lines");
    await page.getByRole("link", { name: "Save this view" }).click();
    await page.getByLabel("Name").fill("protocols, as lines");
    await page.getByRole("button", { name: "Save" }).click();
    await look(page, "views");
    await page.getByRole("link", { name: "protocols, as lines" }).click();
    assert.ok(await page.getByLabel("lines").isChecked());
    await page.goto("/views");
    await page.getByRole("button", { name: "Delete the view protocols, as lines" }).click();
    assert.ok((await page.locator("main").innerText()).includes("No view is kept yet"));
  },

  async "light or dark is kept, whatever the system is"(page) {
    await page.goto("/?tz=Europe/Zurich");
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.getByRole("link", { name: "dark" }).click();
    assert.notEqual(await paper(), light);
    assert.equal(await page.getByLabel("Time zone").inputValue(), "Europe/Zurich");
    await page.getByRole("link", { name: "as the system" }).click();
    assert.equal(await paper(), light);
  },

  async "a job is made, goes on by itself, and has results"(page) {
    await page.goto("/jobs");
    await page.getByLabel("Does").selectOption("Top");
    await page.getByLabel("Name").fill("most of all");
    await page.getByLabel("What is asked").fill("key=src\ncount=5");
    await page.getByRole("button", { name: "Start" }).click();
    await page.locator(".state", { hasText: "End" }).waitFor();
    assert.equal(await rows(page, "Results").count(), 5);
    await look(page, "job");
    await page.goto("/jobs");
    await look(page, "jobs");
    await page.getByRole("link", { name: /^\d{14}/ }).first().click();
    await page.getByRole("button", { name: "Delete" }).click();
    assert.equal(await heading(page), "Jobs");
  },

  async "the login can be read by everybody"(page) {
    await page.goto("/login");
    await look(page, "login");
  },

  async "loads and exporters are told"(page) {
    await page.goto("/loads");
    await look(page, "loads");
    await page.goto("/exporters");
    await look(page, "exporters");
    assert.ok(await page.locator("tbody tr").count() > 0);
  },

  async "all of it works without scripts"(page) {
    const context = await page.context().browser().newContext({ baseURL: new URL(page.url() === "about:blank" ? process.argv[2] : page.url()).origin, javaScriptEnabled: false });
    const plain = await context.newPage();
    await plain.goto("/");
    await rows(plain, "Sources").first().getByRole("link").click();
    await plain.getByLabel("From").fill("2007-07-26 10:00");
    await plain.getByLabel("Time zone").fill("+02:00");
    await plain.getByRole("button", { name: "Show", exact: true }).click();
    assert.ok(plain.url().includes("since=2007-07-26"));
    assert.ok(await plain.locator("tbody tr").count() > 0);
    await plain.getByRole("link", { name: "Explore" }).click();
    await plain.getByLabel("By keys, up to three").fill("proto");
    await plain.getByRole("button", { name: "Show", exact: true }).last().click();
    assert.ok(await plain.locator(".broad .area").count() > 1);
    await context.close();
  },
});
