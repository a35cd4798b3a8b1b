import type { Query, Transport } from "./transport.ts";

/** What the groups of endpoints share. */
export abstract class Api {
  protected readonly http: Transport;

  constructor(http: Transport) {
    this.http = http;
  }

  protected async get<T>(path: string, query: Query = {}): Promise<T> {
    const { body } = await this.http.ok({ method: "GET", path, query });
    return JSON.parse(body.toString()) as T;
  }

  protected async put<T = unknown>(path: string, query: Query = {}, value?: unknown): Promise<T | undefined> {
    const sent = value === undefined ? {} : { body: JSON.stringify(value) };
    const { body } = await this.http.ok({ method: "PUT", path, query, ...sent });
    return body.length === 0 ? undefined : (JSON.parse(body.toString()) as T);
  }
}
