import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { startAgent } from "../../index.ts";
import { silentLogger } from "../../lib/log.ts";
import { noMetrics } from "../../lib/metrics.ts";
import { HttpServer } from "../http-server.ts";
import { HTTP_OPTIONS } from "../testing.ts";
import type { SiteOptions } from "./web-site.ts";

const SCRIPT = `console.log("${"tribune ".repeat(300)}");`;

const directories: string[] = [];
after(() => Promise.all(directories.map((path) => rm(path, { recursive: true }))));

/** A built site as Vite leaves it, with the forms that the bundle adds. */
async function fixture(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tribune-site-"));
  directories.push(directory);
  await mkdir(join(directory, "site/assets"), { recursive: true });
  await writeFile(join(directory, "secret.txt"), "not of the site");
  const put = (name: string, content: string | Uint8Array) => writeFile(join(directory, "site", name), content);
  await put("index.html", '<!doctype html><base href="{{.ContentPath}}"><script src="./assets/app-1a2b.js"></script>');
  await put("favicon.svg", "<svg/>");
  await put("assets/app-1a2b.js", SCRIPT);
  await put("assets/app-1a2b.js.br", brotliCompressSync(SCRIPT));
  return join(directory, "site");
}

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

async function served(
  site: SiteOptions,
  use: (get: (path: string, headers?: Record<string, string>, method?: string) => Promise<Got>) => Promise<void>,
  responseHeaders: readonly string[] = [],
): Promise<void> {
  const server = new HttpServer(
    { ...HTTP_OPTIONS, site, responseHeaders },
    {
      endpoints: [],
      backend: undefined as never,
      logger: silentLogger,
      metrics: noMetrics,
      clock: { nowMs: () => 0, wallMs: () => 0 },
    },
  );
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  assert.ok(typeof address !== "string");
  const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Got> =>
    new Promise((resolve, reject) => {
      const sent = httpRequest(
        { host: "127.0.0.1", port: address.port, path, headers, method, agent: false },
        (answer) => {
          let body = "";
          answer.setEncoding("latin1").on("data", (chunk) => {
            body += chunk;
          });
          answer.on("end", () => resolve({ status: answer.statusCode!, headers: answer.headers, body }));
        },
      );
      sent.on("error", reject).end();
    });
  try {
    await use(get);
  } finally {
    await server.close();
  }
}

test("a page knows its way up to the site from wherever it is asked for", async () => {
  await served({ path: "/ui/", directory: await fixture(), isOwn: false }, async (get) => {
    const ways: readonly (readonly [path: string, base: string])[] = [
      ["/ui/", "./"],
      ["/ui/index.html", "./"],
      ["/ui/services", "./"],
      ["/ui/dc1/services/web", "../../"],
      ["/ui/dc1/kv/a%2Fb/edit?x=/y/z", "../../../"],
    ];
    for (const [path, base] of ways) {
      const { status, headers, body } = await get(path);
      assert.equal(status, 200, path);
      assert.equal(headers["content-type"], "text/html; charset=utf-8");
      assert.equal(headers["cache-control"], "no-cache");
      assert.ok(body.includes(`<base href="${base}">`), `${path}: ${body}`);
    }
  });
});

test("a page may load nothing but the site's own files, and stand in no frame", async () => {
  await served({ path: "/ui/", directory: await fixture(), isOwn: false }, async (get) => {
    const policy = String((await get("/ui/")).headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self';/);
    assert.match(policy, /connect-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  });
});

test("files with a hash in their name are kept for ever, compressed for who takes it; a missing one is no page", async () => {
  await served({ path: "/x/ui/", directory: await fixture(), isOwn: false }, async (get) => {
    const plain = await get("/x/ui/assets/app-1a2b.js");
    assert.equal(plain.body, SCRIPT);
    assert.equal(plain.headers["content-type"], "text/javascript; charset=utf-8");
    assert.match(String(plain.headers["cache-control"]), /immutable/);
    const small = await get("/x/ui/assets/app-1a2b.js", { "Accept-Encoding": "gzip, deflate, br" });
    assert.equal(small.headers["content-encoding"], "br");
    assert.equal(small.body, brotliCompressSync(SCRIPT).toString("latin1"));
    assert.equal((await get("/x/ui/assets/app-9999.js")).status, 404);
    assert.equal((await get("/x/ui/assets/app-1a2b.js.br")).status, 404);
    assert.equal((await get("/x/other")).status, 404);
  });
});

test("what is the same is not sent again, and HEAD gets no body", async () => {
  await served({ path: "/ui/", directory: await fixture(), isOwn: false }, async (get) => {
    const first = await get("/ui/");
    const again = await get("/ui/", { "If-None-Match": String(first.headers.etag) });
    assert.deepEqual([again.status, again.body], [304, ""]);
    const head = await get("/ui/favicon.svg", {}, "HEAD");
    assert.deepEqual([head.status, head.headers["content-length"], head.body], [200, "6", ""]);
  });
});

test("the root and the path without its slash lead to the site", async () => {
  await served({ path: "/a/b/", directory: await fixture(), isOwn: false }, async (get) => {
    for (const path of ["/", "/a/b"]) {
      const { status, headers } = await get(path);
      assert.deepEqual([status, headers.location], [301, "/a/b/"], path);
    }
  });
});

test("an operator's own files are served as they are now, and nothing beside them", async () => {
  const directory = await fixture();
  await served({ path: "/ui/", directory, isOwn: true }, async (get) => {
    assert.equal((await get("/ui/favicon.svg")).body, "<svg/>");
    await writeFile(join(directory, "robots.txt"), "own");
    assert.equal((await get("/robots.txt")).body, "own");
    await writeFile(join(directory, "favicon.svg"), "<svg>2</svg>");
    const fresh = await get("/ui/favicon.svg");
    assert.equal(fresh.body, "<svg>2</svg>");
    assert.equal(fresh.headers["cache-control"], "no-cache");
    for (const path of [
      "/ui/..%2fsecret.txt",
      "/ui/%2e%2e/secret.txt",
      "/ui/..%5csecret.txt",
      "/ui/a/..%2f../secret.txt",
    ])
      assert.doesNotMatch((await get(path)).body, /not of the site/, path);
  });
});

test("an operator's headers win over the site's", async () => {
  const site = { path: "/ui/", directory: await fixture(), isOwn: false };
  await served(
    site,
    async (get) => {
      const { headers } = await get("/ui/");
      assert.equal(headers["content-security-policy"], "default-src 'self'");
      assert.equal(headers["x-own"], "1");
    },
    ["Content-Security-Policy", "default-src 'self'", "X-Own", "1"],
  );
});

test("without a build there is a simple page, whose one script is allowed by its hash", async () => {
  await served({ path: "/ui/", directory: join(await fixture(), "none"), isOwn: false }, async (get) => {
    const { status, headers, body } = await get("/ui/");
    assert.equal(status, 200);
    assert.match(body, /npm run build/);
    assert.match(String(headers["content-security-policy"]), /script-src 'sha256-[\w+/]+=*'/);
  });
});

test("an agent serves the site where it is switched on, and only there", async () => {
  const off = await startAgent({ config: { ui_config: { enabled: false } } });
  const on = await startAgent({ config: { ui_config: { content_path: "/deep/ui" } } });
  try {
    assert.equal((await fetch(`${off.url}/ui/`)).status, 404);
    assert.equal(await (await fetch(`${off.url}/`)).text(), "Consul Agent");
    const page = await fetch(`${on.url}/`);
    assert.equal(page.url, `${on.url}/deep/ui/`);
    assert.match(await page.text(), /<title>/);
    assert.equal((await fetch(`${off.url}/robots.txt`)).status, 404);
    assert.equal(await (await fetch(`${on.url}/robots.txt`)).text(), "User-agent: *\nDisallow: /\n");
    const put = await fetch(`${on.url}/`, { method: "PUT", redirect: "manual" });
    assert.deepEqual([put.status, await put.text()], [301, ""]);
  } finally {
    await Promise.all([off.stop(), on.stop()]);
  }
});

test("an index is told the settings, escaped; Consul's own gets the operator's scripts, which are served as they are now", async () => {
  const directory = await fixture();
  const index =
    '<head><base href="{{.ContentPath}}"></head><script type="application/json">\n{{jsonEncode .}}\n</script>' +
    '{{ range .ExtraScripts }} <script src="{{.}}"></script> {{ end }}<p>';
  await writeFile(join(directory, "index.html"), index);
  const provider = join(directory, "../provider.js");
  await writeFile(provider, "first();");
  const path = "/ui/assets/compiled-metrics-providers.js";
  const site = { path: "/ui/", directory, isOwn: false };
  await served({ ...site, settings: '{"a": "$&"}', providerFiles: [provider] }, async (get) => {
    const { body } = await get("/ui/dc1/services");
    assert.match(body, /<script type="application\/json">\n\{"a": "\$&"\}\n<\/script>/);
    assert.match(body, / <script src="\.\.\/assets\/compiled-metrics-providers\.js"><\/script> <p>$/);
    assert.match((await get(path)).body, /^\/\/ provider\.js\n\nfirst\(\);\n\n$/);
    await writeFile(provider, "second();");
    const { headers, body: script } = await get(path);
    assert.match(script, /second/);
    assert.deepEqual([headers["content-type"], headers["cache-control"]], ["application/javascript", "no-cache"]);
    await rm(provider);
    assert.equal((await get(path)).status, 500);
  });
  await served({ ...site, providerFiles: [] }, async (get) => {
    assert.match((await get("/ui/")).body, /\n\{\}\n<\/script><p>$/);
    const { status, body } = await get(path);
    assert.deepEqual([status, body], [404, "No provider JS files configured\n"]);
  });
});

test("the page is told of metrics and dashboards, and never of the headers that the proxy adds", async () => {
  const agent = await startAgent({
    config: {
      ui_config: {
        metrics_provider: "prometheus",
        metrics_provider_options_json: '{"a":"</script>"}',
        metrics_proxy: { base_url: "http://127.0.0.1:9090", add_headers: [{ name: "Authorization", value: "s3cret" }] },
        dashboard_url_templates: { service: "https://g.example/d?var-service={{Service.Name}}" },
      },
    },
  });
  try {
    const body = await (await fetch(`${agent.url}/ui/`)).text();
    const [, settings = ""] = /<template id="settings">([\s\S]*?)<\/template>/.exec(body) ?? [];
    assert.deepEqual(JSON.parse(settings), {
      ACLsEnabled: false,
      ContentPath: "/ui/",
      LocalDatacenter: "dc1",
      UIConfig: {
        dashboard_url_templates: { service: "https://g.example/d?var-service={{Service.Name}}" },
        metrics_provider: "prometheus",
        metrics_provider_options: { a: "</script>" },
        metrics_proxy_enabled: true,
      },
    });
    assert.doesNotMatch(body, /s3cret/);
  } finally {
    await agent.stop();
  }
});
