// Figures in the topology: by a real backend, by none, by a script of the operator's; and when the backend goes away.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { assertAccessible, browserTest, devAgent, missing, startBrowser, watchedPage } from "./harness.mjs";
import { drawn } from "./shifts.mjs";
import { importMesh, metricsSettings, noVictoria, startVictoria } from "./victoria.mjs";
import { fill } from "./world.mjs";

if (noVictoria) console.log(`SKIPPED, FIGURES BY A REAL BACKEND: ${noVictoria}`);
const directory = mkdtempSync(join(tmpdir(), "tribune-ui-metrics-"));
let browser;
before(async () => {
  if (!missing) browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function withAgent(address, args, run) {
  const agent = await devAgent(address, { args });
  try {
    await fill(agent.url);
    await run(agent);
  } finally {
    await agent.kill();
  }
}

const figures = (row) => row.locator(".measures > div").allTextContents();

if (!noVictoria) {
  browserTest("what proxies measured stands beside the service, its callers and whom it calls", async () => {
    const victoria = await startVictoria("127.0.98.41");
    try {
      await importMesh(victoria.url);
      await withAgent("127.0.98.41", metricsSettings(victoria.url), async (agent) => {
        const { page, faults, close } = await watchedPage(browser, agent.url, { bypassCSP: true });
        await page.addInitScript(() => {
          globalThis.shifted = 0;
          new PerformanceObserver((list) => {
            for (const { value } of list.getEntries()) globalThis.shifted += value;
          }).observe({ type: "layout-shift", buffered: true });
        });
        // Figures come when everything else stands: else nobody could tell whose shift it was.
        let answer;
        const held = new Promise((done) => {
          answer = done;
        });
        await page.route("**/v1/internal/ui/metrics-proxy/**", async (route) => {
          await held;
          await route.continue().catch(() => {}); // of a page that has been left meanwhile
        });
        await page.goto(`${agent.url}/ui/dc1/services/web/topology`);
        await page.locator(".topology >> text=checkout").waitFor();
        await page.locator('.freshness[data-state="fresh"]').waitFor();
        await drawn(page);
        const before = await page.evaluate(() => globalThis.shifted);
        assert.equal(await page.locator(".topology-measures >> text=P99").count(), 0);
        answer();
        const own = page.locator(".topology-measures");
        await own.locator("text=P99").waitFor();
        const [requests = "", errors = "", half = "", slowest = ""] = await figures(own);
        await drawn(page);
        const shifted = (await page.evaluate(() => globalThis.shifted)) - before;
        assert.ok(shifted < 0.01, `figures have their place before they are known: ${shifted}`);
        assert.match(requests, /^req\/s1[12]\d$/);
        assert.match(errors, /^errors1\.\d+ %$/);
        assert.match(half, /^P50\d+ ms$/);
        assert.match(slowest, /^P99\d+ ms$/);
        assert.match(await own.getByRole("img").getAttribute("aria-label"), /^Successes and Errors .* req\/s/);
        const beside = (name) => page.locator(".topology-item", { hasText: name });
        assert.match((await figures(beside("shipping")))[0], /^req\/s1[12]/);
        assert.match((await figures(beside("checkout")))[0], /^req\/s(3\d|40)/);
        assert.match((await figures(beside("postgres")))[0], /^conn\/s0\.[45]/);
        assert.match((await figures(beside("postgres")))[2], /^out\d(\.\d+)? Mbit\/s$/);
        await page.getByText("What the figures mean").click();
        await page.getByText("were answered by a 5xx status").first().waitFor();
        const link = page.getByRole("link", { name: /Dashboard/ });
        assert.equal(await link.getAttribute("href"), "https://grafana.example/d/mesh?var-service=web&var-dc=dc1");
        assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
        await assertAccessible(page, "topology with figures");
        await page.setViewportSize({ width: 360, height: 800 });
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than a phone");
        assert.deepEqual(faults, []);
        // A service whose proxy has measured nothing.
        await page.goto(`${agent.url}/ui/dc1/services/billing/topology`);
        await page.getByText("has no samples of this service's proxies").waitFor();
        // One that has no neighbours, and one whose figures nobody can tell apart.
        await page.goto(`${agent.url}/ui/dc1/services/reports/topology`);
        await page.getByText("has no samples of this service's proxies").waitFor();
        await page.goto(`${agent.url}/ui/dc1/services/edge/topology`);
        await page.getByText("No figures: what gateways measure is not labelled by service").waitFor();
        await close();
      });
    } finally {
      await victoria.stop();
    }
  });

  browserTest("a backend that goes away leaves the last figures, called old", async () => {
    const victoria = await startVictoria("127.0.98.42");
    await importMesh(victoria.url);
    await withAgent("127.0.98.42", metricsSettings(victoria.url), async (agent) => {
      const { page, close } = await watchedPage(browser, agent.url);
      await page.goto(`${agent.url}/ui/dc1/services/web/topology`);
      await page.locator(".topology-measures >> text=P99").waitFor();
      await victoria.stop();
      await page.getByText(/These figures are old: The metrics' backend does not answer/).waitFor({ timeout: 60_000 });
      await page.locator(".topology-measures >> text=P99").waitFor();
      // The agent itself is not taken for away.
      assert.equal(await page.getByText("The agent does not answer").count(), 0);
      await close();
    });
  });
}

const consul = process.env.CONSUL_BIN ?? "";
if (!noVictoria && existsSync(consul)) {
  browserTest("a Consul that serves this page tells it the same, and its proxy is asked in the same way", async () => {
    const victoria = await startVictoria("127.0.98.46");
    const site = fileURLToPath(new URL("../../packages/ui/dist", import.meta.url));
    const args = [`-ui-dir=${site}`, "-log-level=err", ...metricsSettings(victoria.url)];
    const agent = await devAgent("127.0.98.46", { command: [consul], args });
    try {
      await importMesh(victoria.url);
      await fill(agent.url);
      const { page, close } = await watchedPage(browser, agent.url);
      await page.goto(`${agent.url}/ui/dc1/services/web/topology`);
      await page.locator(".topology-measures >> text=P99").waitFor();
      assert.match((await figures(page.locator(".topology-item", { hasText: "shipping" })))[0], /^req\/s1[12]/);
      await page.getByRole("link", { name: /Dashboard/ }).waitFor();
      await close();
    } finally {
      await agent.kill();
      await victoria.stop();
    }
  });
} else console.log("SKIPPED, FIGURES ON A CONSUL: set CONSUL_BIN to one");

browserTest("without a provider the topology says that there are no figures, and why", async () => {
  await withAgent("127.0.98.43", [], async (agent) => {
    const { page, faults, close } = await watchedPage(browser, agent.url);
    await page.goto(`${agent.url}/ui/dc1/services/web/topology`);
    await page.locator(".topology >> text=checkout").waitFor();
    await page.getByText("No figures: the agent's ui_config names no metrics_provider").waitFor();
    assert.equal(await page.getByRole("link", { name: /Dashboard/ }).count(), 0);
    assert.deepEqual(faults, []);
    await close();
  });
});

browserTest("a provider that cannot work says what it lacks", async () => {
  const settings = JSON.stringify({ ui_config: { metrics_provider: "prometheus" } });
  await withAgent("127.0.98.44", [`-hcl=${settings}`], async (agent) => {
    const { page, close } = await watchedPage(browser, agent.url);
    await page.goto(`${agent.url}/ui/dc1/services/web/topology`);
    await page.getByText("No figures: The provider `prometheus` needs ui_config.metrics_proxy").waitFor();
    await close();
  });
});

browserTest("a script that was made for Consul's page serves here, under the strict policy", async () => {
  const script = join(directory, "provider.js");
  writeFileSync(
    script,
    `(function () {
      var stat = function (value) { return { label: "SR", desc: "<b>Success</b> rate", value: value }; };
      window.consul.registerMetricsProvider("own", {
        init: function (options) { this.unit = options.unit; },
        serviceRecentSummarySeries: function () {
          return Promise.resolve({ unitSuffix: " rps", labels: { Total: "all", Hits: "hits" },
            data: [{ time: 1, Hits: 1 }, { time: 60000, Hits: 4 }] });
        },
        serviceRecentSummaryStats: function () { return Promise.resolve({ stats: [stat("98" + this.unit)] }); },
        upstreamRecentSummaryStats: function () {
          return Promise.resolve({ stats: { "checkout.default.dc1": [stat("97%")] } });
        },
        downstreamRecentSummaryStats: function () { return Promise.resolve({ stats: {} }); },
      });
    })();`,
  );
  const settings = {
    ui_config: {
      metrics_provider: "own",
      metrics_provider_files: [script],
      metrics_provider_options_json: '{"unit":"%"}',
    },
  };
  await withAgent("127.0.98.45", [`-hcl=${JSON.stringify(settings)}`], async (agent) => {
    const { page, faults, close } = await watchedPage(browser, agent.url);
    await page.goto(`${agent.url}/ui/dc1/services/web/topology`);
    await page.locator(".topology-measures >> text=98%").waitFor();
    await page.locator(".topology-item", { hasText: "checkout" }).getByText("97%").waitFor();
    assert.deepEqual(faults, []);
    await close();
  });
});
