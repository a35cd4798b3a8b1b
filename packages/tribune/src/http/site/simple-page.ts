import { createHash } from "node:crypto";

/**
 * Stands in for the interface where that was not built: what is registered and how it is, from the public API, refreshed
 * by blocking queries.
 */
export const SIMPLE_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tribune</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { width: 100%; border-collapse: collapse; }
  th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); vertical-align: top; }
  .passing { color: #1a7f37; } .warning { color: #9a6700; } .critical { color: #cf222e; }
  @media (prefers-color-scheme: dark) { .passing { color: #3fb950; } .warning { color: #d29922; } .critical { color: #f85149; } }
  #state { opacity: .7; }
</style>
<h1>Tribune</h1>
<p>The whole interface is not part of this build; <code>npm run build</code> makes it.</p>
<p id="state" role="status">Reading the catalog …</p>
<table aria-label="Services">
  <thead><tr><th>Service</th><th>Instance</th><th>Address</th><th>Health</th></tr></thead>
  <tbody id="rows"></tbody>
</table>
<script>
const rows = document.getElementById("rows"), state = document.getElementById("state");
const cell = (text, className) => { const td = document.createElement("td"); td.textContent = text; if (className) td.className = className; return td; };
async function get(path) { const r = await fetch(path); if (!r.ok) throw new Error(path + ": " + r.status); return { index: r.headers.get("X-Consul-Index"), body: await r.json() }; }
async function show() {
  const { body: services } = await get("/v1/catalog/services");
  const fresh = [];
  for (const name of Object.keys(services).sort()) {
    const { body } = await get("/v1/health/service/" + encodeURIComponent(name));
    for (const { Node, Service, Checks } of body) {
      const worst = ["critical", "warning", "passing"].find((s) => Checks.some((c) => c.Status === s)) || "passing";
      const bad = Checks.filter((c) => c.Status !== "passing").map((c) => c.Name + ": " + c.Output).join("\\n");
      const tr = document.createElement("tr");
      tr.append(cell(name), cell(Service.ID + " on " + Node.Node), cell((Service.Address || Node.Address) + (Service.Port ? ":" + Service.Port : "")), cell(bad ? worst + " – " + bad : worst, worst));
      fresh.push(tr);
    }
  }
  rows.replaceChildren(...fresh);
  state.textContent = fresh.length + " instances, as of " + new Date().toLocaleTimeString();
}
async function follow() {
  let index = "0";
  for (;;) {
    try {
      await show();
      const next = await get("/v1/health/state/any?wait=60s&index=" + index);
      index = next.index;
    } catch (error) {
      state.textContent = "The agent does not answer (" + error.message + "); what is shown may be old. Trying again …";
      await new Promise((r) => setTimeout(r, 2000));
    }
  }
}
follow();
</script>
`;

/** The only script and the only style that may run are those above. */
function hashOf(tag: "script" | "style"): string {
  const [, text = ""] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(SIMPLE_PAGE) ?? [];
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

export const SIMPLE_PAGE_SECURITY =
  `default-src 'none'; style-src ${hashOf("style")}; script-src ${hashOf("script")}; connect-src 'self'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
