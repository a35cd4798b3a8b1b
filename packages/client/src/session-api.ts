import { Api } from "./api-group.ts";
import { ResponseError } from "./errors.ts";
import type { Query } from "./transport.ts";

export interface SessionRequest {
  readonly Name?: string;
  readonly Node?: string;
  /** `[]` means none, not even the node's own. */
  readonly NodeChecks?: readonly string[];
  readonly Behavior?: "release" | "delete";
  /** Go duration. */
  readonly TTL?: string;
}

export class SessionApi extends Api {
  /** @returns the session's ID. */
  async create(session: SessionRequest): Promise<string> {
    const reply = await this.put<{ readonly ID: string }>("/v1/session/create", {}, session);
    return reply?.ID ?? "";
  }

  /** @returns false for a session that is gone. */
  async renew(id: string): Promise<boolean> {
    const query: Query = {};
    const { status, body } = await this.http.send({ method: "PUT", path: `/v1/session/renew/${id}`, query });
    if (status === 404) return false;
    if (status !== 200) throw new ResponseError(status, body.toString());
    return true;
  }

  async destroy(id: string): Promise<void> {
    await this.put(`/v1/session/destroy/${id}`);
  }
}
