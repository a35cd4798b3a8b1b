import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader, type ServerEvent } from "./sse.ts";

const text = 'id: 1,2\nevent: snapshot\ndata: {"a":1}\n\n: heartbeat\n\ndata: x\ndata: y\n\n';
const events: ServerEvent[] = [
  { event: "snapshot", data: '{"a":1}', id: "1,2" },
  { event: "message", data: "x\ny", id: "1,2" },
];

test("events are the same wherever the text is cut", () => {
  for (let cut = 0; cut <= text.length; cut++) {
    const reader = new EventReader();
    assert.deepEqual([...reader.feed(text.slice(0, cut)), ...reader.feed(text.slice(cut))], events, `cut at ${cut}`);
  }
});
