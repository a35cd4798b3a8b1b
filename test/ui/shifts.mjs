// What moves on a page without anybody having asked for it.
import assert from "node:assert/strict";

/** Of the score that browsers give (CLS): a tenth of what counts as good. */
const shiftMax = 0.01;

/**
 * Remembers each shift that no input of the user's explains, with what moved. What was told to glide to its new place
 * does not jump, even where a machine is so slow that its first frame comes when the glide is over.
 */
const remember = (most) => {
  globalThis.shifts = [];
  const gliding = new WeakSet();
  const { animate } = Element.prototype;
  Element.prototype.animate = function (...how) {
    gliding.add(this);
    return animate.apply(this, how);
  };
  const glides = (node) => node !== null && (gliding.has(node) || glides(node.parentNode));
  // A text is named with the box of its block: where a word before it on its line was rewritten the box stands. What gives
  // way to such a word by a little is let be, also beside what glides; pushed far along its line it has jumped.
  const stands = ({ previousRect: from, currentRect: to }) => from.x === to.x && from.y === to.y;
  const isCalm = ({ value, sources }) => {
    const others = sources.filter(({ node }) => node !== null && !glides(node));
    return others.length === 0 || (others.every(stands) && (value < most || sources.some(({ node }) => glides(node))));
  };
  const name = (node) =>
    node?.nodeType === 1 ? `${node.localName}.${node.className?.baseVal ?? node.className}` : "text";
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { value, hadRecentInput, sources } = entry;
      if (!hadRecentInput && !isCalm(entry))
        globalThis.shifts.push({
          value,
          what: sources.map(
            ({ node, previousRect: from, currentRect: to }) =>
              `${name(node)} ${node?.textContent?.slice(0, 30)} ${[from.x, from.y, from.height, to.x, to.y, to.height]}`,
          ),
        });
    }
  }).observe({ type: "layout-shift", buffered: true });
};

/** What the page knows by now is drawn two frames later. */
export const drawn = (page) =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))).catch(() => {}); // of a page that has been left meanwhile

/** Fails with what has moved since the last time, if it was more than a little. */
export async function assertCalm(page, when) {
  const shifts = await page.evaluate(() => globalThis.shifts.splice(0));
  const sum = shifts.reduce((all, { value }) => all + value, 0);
  assert.ok(sum < shiftMax, `${when}: ${sum.toFixed(4)}\n${JSON.stringify(shifts, null, 1)}`);
}

/** From now on; answers come when the first frame is there, as on a slow machine: else nothing could be seen to move. */
export async function watchShifts(page) {
  await page.addInitScript(remember, shiftMax);
  await page.route("**/v1/**", async (route) => {
    await drawn(page);
    await route.continue().catch(() => {}); // of a page that has been left meanwhile
  });
}
