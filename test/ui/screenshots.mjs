// Pictures of the pages in both themes, for docs/screenshots: `npm run screenshots`.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { pages } from "./pages.mjs";
import { fill } from "./world.mjs";

if (missing) throw new Error(missing);
const directory = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
mkdirSync(directory, { recursive: true });
const agent = await devAgent("127.0.39.16");
const browser = await startBrowser();
try {
  await fill(agent.url);
  for (const colorScheme of ["light", "dark"]) {
    const { page, close } = await watchedPage(browser, agent.url, {
      colorScheme,
      viewport: { width: 1120, height: 700 },
    });
    for (const { name, at, shows } of pages) {
      await page.goto(`${agent.url}/ui/dc1/${at}`);
      await page.locator(shows).first().waitFor();
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: `${directory}${name}-${colorScheme}.png` });
    }
    await close();
  }
} finally {
  await browser.close();
  await agent.kill();
}
