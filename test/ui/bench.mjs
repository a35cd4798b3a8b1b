// Measures the page with many services: `node test/ui/bench.mjs [services]`. Times in milliseconds, the median of the runs.
import { devAgent, missing, startBrowser } from "./harness.mjs";
import { measure } from "./measure.mjs";

if (missing) throw new Error(missing);
const services = Number(process.argv[2] ?? 10_000);
const runs = 5;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const agent = await devAgent("127.0.98.17");
const browser = await startBrowser();
try {
  const found = await measure({ agent, browser, services, runs });
  console.log(`${services} services, ${runs} runs`);
  console.log(`first contentful paint          ${median(found.paint).toFixed(0)}`);
  console.log(`list there and taking input     ${median(found.rows).toFixed(0)}`);
  console.log(`registered critical until shown ${median(found.critical).toFixed(0)}`);
  console.log(`longest frame while scrolling   ${median(found.frame).toFixed(0)}`);
} finally {
  await browser.close();
  await agent.kill();
}
