/** A pool's events for the snapshot file. */
import { endpointOfMember } from "../gossip/serf/member.ts";
import type { SnapshotWriter } from "./snapshot-writer.ts";
import type { PoolEvent } from "./types.ts";

export function recordEvent(snapshot: SnapshotWriter, event: PoolEvent): void {
  switch (event.type) {
    case "join":
      for (const member of event.members) {
        const endpoint = endpointOfMember(member);
        if (endpoint !== undefined) snapshot.alive(member.name, endpoint);
      }
      break;
    case "leave":
    case "failed":
      for (const { name } of event.members) snapshot.notAlive(name);
      break;
    case "user":
      snapshot.sawEvent(event.lamportTime);
      break;
    case "query":
      snapshot.sawQuery(event.lamportTime);
      break;
    default: // Tags and reaped members are not remembered.
  }
}
