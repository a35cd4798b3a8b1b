// The scenario in Node, Deno or Bun: everywhere.mjs URL CLOSED ENTRY, CLOSED where nobody listens
import { scenario } from "./scenario.mjs";

const [url, closed, entry] = (globalThis.Deno?.args ?? globalThis.process.argv.slice(2)).slice(-3);
const sdk = await import(`../../../packages/client/dist/${entry}.js`);
console.log(await scenario(sdk, { url, closed, tellsRefusals: true }));
