/** Short forms for the tests of this folder. */
import { DeregisterRequest, HealthCheck, make, Node, NodeService, RegisterRequest } from "@tribune/api";
import { createDatabase, type MemDatabase } from "../memdb/database.ts";
import type { WriteTx } from "../memdb/types.ts";
import { ensureRegistration } from "./registration.ts";

export const node = (name: string, given: Partial<Node> = {}) =>
  make(Node, { Node: name, Address: "10.0.0.1", Datacenter: "dc1", ...given });
export const service = (id: string, name: string, given: Partial<NodeService> = {}) =>
  make(NodeService, { ID: id, Service: name, ...given });
export const check = (on: string, id: string, given: Partial<HealthCheck> = {}) =>
  make(HealthCheck, { Node: on, CheckID: id, Name: id, Status: "passing", ...given });
export const registration = (on: string, given: Partial<RegisterRequest> = {}) =>
  make(RegisterRequest, { Node: on, Address: "10.0.0.1", Datacenter: "dc1", ...given });
export const deregistration = (on: string, given: Partial<DeregisterRequest> = {}) =>
  make(DeregisterRequest, { Node: on, ...given });

/** A database whose writes are numbered from 1 on. */
export class Catalog {
  readonly db: MemDatabase = createDatabase();
  index = 0;

  write<T>(run: (tx: WriteTx, index: number) => T): T {
    this.index++;
    return this.db.write(this.index, (tx) => run(tx, this.index));
  }

  register(on: string, given: Partial<RegisterRequest> = {}): number {
    this.write((tx, index) => ensureRegistration(tx, index, registration(on, given)));
    return this.index;
  }
}
