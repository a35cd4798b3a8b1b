// How fast the page is with many services: times in milliseconds, one of each kind for each run.
import { watchedPage } from "./harness.mjs";
import { register, registerMany } from "./world.mjs";

export async function measure({ agent, browser, services, runs }) {
  await registerMany(agent.url, services);
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
  return found;
}
