// Reads a stream of events as docs/streams.md says, for the tests beside this file and those of interop.
import { until } from "./agent-process.mjs";

/**
 * Follows a stream and comes back, with its position, whenever it breaks.
 *
 * @param {string} url
 */
export function followStream(url) {
  const abort = new AbortController();
  const follower = {
    /** Answers by the number of their watch. */
    values: [],
    events: [],
    connections: 0,
    lastId: "",
    /** Waits for a condition on the values. */
    until: (condition, what, deadlineMs) =>
      until(
        () => condition(follower.values),
        () => `${what}: ${JSON.stringify(follower.events.slice(-5))}`,
        deadlineMs,
      ),
    stop: () => abort.abort(),
  };
  const follow = async () => {
    while (!abort.signal.aborted) {
      try {
        await readOnce(url, follower, abort.signal);
      } catch {
        // The agent is gone: it is asked again until it is back.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  void follow();
  return follower;
}

async function readOnce(url, follower, signal) {
  const headers = follower.lastId === "" ? {} : { "Last-Event-ID": follower.lastId };
  const response = await fetch(url, { headers, signal });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  follower.connections++;
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) take(follower, block);
  }
}

function take(follower, block) {
  const fields = new Map(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
  if (!fields.has("data")) return;
  const event = fields.get("event");
  const data = JSON.parse(fields.get("data"));
  follower.lastId = fields.get("id");
  follower.events.push({ event, ...data, Value: undefined });
  const { values } = follower;
  if (event === "snapshot") values[data.Watch] = data.Value;
  if (event !== "change") return;
  if (data.Splices === undefined) {
    for (const name of data.Unset) delete values[data.Watch][name];
    Object.assign(values[data.Watch], data.Set);
  } else for (const { At, Remove, Add } of data.Splices) values[data.Watch].splice(At, Remove, ...Add);
}
