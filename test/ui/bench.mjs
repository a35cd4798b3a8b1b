// Measures the page with many services: `node test/ui/bench.mjs [services]`. Times in milliseconds, the median of the runs.
import { devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { register } from "./world.mjs";

if (missing) throw new Error(missing);
const services = Number(process.argv[2] ?? 10_000);
const runs = 5;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const agent = await devAgent("127.0.39.17");
const browser = await startBrowser();
try {
  for (let from = 0; from < services; from += 32) {
    const some = Array.from({ length: Math.min(32, services - from) }, (_, i) => `service-${from + i}`);
    await Promise.all(some.map((id, i) => register(agent.url, i % 5, { id, Meta: {}, TaggedAddresses: {} })));
  }
  const found = { paint: [], rows: [], critical: [], frame: [] };
  for (let run = 0; run < runs; run++) {
    const { page, close } = await watchedPage(browser, agent.url);
    await page.goto(`${agent.url}/ui/dc1/services`);
    await page.locator("[data-service]").first().waitFor();
    // From the start of the navigation until rows stand and the main thread takes work again.
    const times = await page.evaluate(async () => {
      await new Promise((done) => setTimeout(done, 0));
      return {
        rows: performance.now(),
        paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      };
    });
    found.paint.push(times.paint);
    found.rows.push(times.rows);
    const waitFor = (selector) =>
      page.evaluate(
        ([wanted]) =>
          new Promise((done) => {
            const look = () => (document.querySelector(wanted) ? done(Date.now()) : requestAnimationFrame(look));
            look();
          }),
        [selector],
      );
    const sick = `service-${run}`;
    const seen = waitFor(`[data-service="${sick}"][data-health="critical"]`);
    const since = Date.now();
    await register(agent.url, run % 5, { id: sick, status: "critical", Meta: {}, TaggedAddresses: {} });
    found.critical.push((await seen) - since);
    found.frame.push(
      await page.evaluate(async () => {
        let worst = 0;
        let last = performance.now();
        for (let i = 0; i < 60; i++) {
          scrollBy(0, 900);
          await new Promise((done) => requestAnimationFrame(done));
          worst = Math.max(worst, performance.now() - last);
          last = performance.now();
        }
        return worst;
      }),
    );
    await close();
  }
  console.log(`${services} services, ${runs} runs`);
  console.log(`first contentful paint          ${median(found.paint).toFixed(0)}`);
  console.log(`list there and taking input     ${median(found.rows).toFixed(0)}`);
  console.log(`registered critical until shown ${median(found.critical).toFixed(0)}`);
  console.log(`longest frame while scrolling   ${median(found.frame).toFixed(0)}`);
} finally {
  await browser.close();
  await agent.kill();
}
