// A real browser for the tests of pages: Debian's chromium, driven by playwright-core, with axe-core
// to find what people who cannot see or point would stumble over. scripts/test says by
// EARLGREY_BROWSER where both are.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const from = createRequire(join(process.env.EARLGREY_BROWSER, "package.json"));
const { chromium } = from("playwright-core");
const axe = readFileSync(from.resolve("axe-core/axe.min.js"), "utf8");

export const WIDTHS = { wide: 1400, phone: 360 };
export const SCHEMES = ["light", "dark"];

const [address, pictures] = process.argv.slice(2);
mkdirSync(pictures, { recursive: true });

/// Runs `tests`, each by its name with a new page, and ends with what failed.
export async function run(tests) {
  const executablePath = process.env.EARLGREY_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    const context = await browser.newContext({ baseURL: address, viewport: { width: WIDTHS.wide, height: 900 } });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const said = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) said.push(message.text());
    });
    page.on("pageerror", (error) => said.push(String(error)));
    try {
      await test(page, said);
      assert.deepEqual(said, [], "the console says something");
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`failed ${name}: ${error.stack ?? error}`);
      await page.screenshot({ path: join(pictures, `failed-${name.replaceAll(" ", "-")}.png`) }).catch(() => {});
    }
    await context.close();
  }
  await browser.close();
  process.exitCode = failed ? 1 : 0;
}

/// What axe finds wrong on the page, as `rule: place`.
export async function faults(page) {
  // The policy of the pages lets no script in that is not theirs; the driver may.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.slice(0, 3).map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(" ")}: ${failureSummary}`));
}

/// A picture of the whole page, in each scheme and width, and nothing wrong in any of them.
export async function look(page, name) {
  for (const [wide, width] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width, height: 900 });
    for (const scheme of SCHEMES) {
      await page.emulateMedia({ colorScheme: scheme });
      const path = join(pictures, `${name}-${wide}-${scheme}.png`);
      await page.screenshot({ path, fullPage: true });
      assert.deepEqual(await faults(page), [], `${name}, ${wide}, ${scheme}`);
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${name} is ${over} pixels too wide for ${width}`);
  }
  await page.setViewportSize({ width: WIDTHS.wide, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
}
