import type { MetricLabels, Metrics } from "../lib/metrics.ts";
import { MESSAGE } from "../state/message-types.ts";

/** Consul's name for the time to apply a command of each type, and whether the operation is a label of it. */
const NAMES: ReadonlyMap<number, { readonly name: string; readonly byOp: boolean }> = new Map([
  [MESSAGE.REGISTER, { name: "fsm.register", byOp: false }],
  [MESSAGE.DEREGISTER, { name: "fsm.deregister", byOp: false }],
  [MESSAGE.KVS, { name: "fsm.kvs", byOp: true }],
  [MESSAGE.SESSION, { name: "fsm.session", byOp: true }],
  [MESSAGE.TOMBSTONE, { name: "fsm.tombstone", byOp: true }],
  [MESSAGE.COORDINATE_BATCH_UPDATE, { name: "fsm.coordinate.batch-update", byOp: false }],
  [MESSAGE.PREPARED_QUERY, { name: "fsm.prepared-query", byOp: true }],
  [MESSAGE.TXN, { name: "fsm.txn", byOp: false }],
  [MESSAGE.AUTOPILOT, { name: "fsm.autopilot", byOp: false }],
  [MESSAGE.INTENTION, { name: "fsm.intention", byOp: true }],
  [MESSAGE.CONNECT_CA, { name: "fsm.ca", byOp: true }],
  [MESSAGE.CONFIG_ENTRY, { name: "fsm.config_entry", byOp: true }],
  [MESSAGE.SYSTEM_METADATA, { name: "fsm.system_metadata", byOp: true }],
]);
const TYPE_BITS = 0x7f;

/** Measures how long commands take to apply, under Consul's names. */
export class FsmTimes {
  readonly #metrics: Metrics;
  /** One object per operation, so that finding its series costs no walk. */
  readonly #labels = new Map<string, MetricLabels>();
  #op = "";
  #kind = "";

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** What the command that is being applied does. */
  readonly operation = (op: string, kind: string): void => {
    this.#op = op;
    this.#kind = kind;
  };

  applied(typeByte: number | undefined, tookMs: number): void {
    const known = NAMES.get((typeByte ?? TYPE_BITS) & TYPE_BITS);
    if (known === undefined) return;
    const { name, byOp } = known;
    const full = this.#kind === "" ? name : `${name}.${this.#kind}`;
    if (byOp) this.#metrics.sample(full, tookMs, this.#labelsOf(this.#op));
    else this.#metrics.sample(full, tookMs);
    this.#op = "";
    this.#kind = "";
  }

  #labelsOf(op: string): MetricLabels {
    let labels = this.#labels.get(op);
    if (labels === undefined) {
      labels = [["op", op]];
      this.#labels.set(op, labels);
    }
    return labels;
  }
}
