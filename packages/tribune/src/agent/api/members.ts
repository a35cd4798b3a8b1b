import type { Member } from "../../endpoints/agent-local-api.ts";
import { goMap } from "../../lib/go-json.ts";
import type { PoolMember, PoolMemberStatus } from "../../pool/types.ts";

const STATUS: Readonly<Record<PoolMemberStatus, number>> = { alive: 1, leaving: 2, left: 3, failed: 4 };

/** A member of a pool as `/v1/agent/members` shows it. */
export function shownMember({ name, host, port, tags, status, protocol, delegate }: PoolMember): Member {
  return {
    Name: name,
    Addr: host,
    Port: port,
    Tags: goMap(Object.fromEntries(tags)),
    Status: STATUS[status],
    ProtocolMin: protocol.min,
    ProtocolMax: protocol.max,
    ProtocolCur: protocol.current,
    DelegateMin: delegate.min,
    DelegateMax: delegate.max,
    DelegateCur: delegate.current,
  };
}
