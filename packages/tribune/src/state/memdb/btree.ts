/**
 * Copy-on-write B+tree from strings to values: the one data structure under every table and index.
 *
 * A node may be changed in place only by the tree whose `owner` token it carries; everybody else copies it
 * first (path copying). `clone()` therefore costs O(1), and a root that was handed out is a frozen view that
 * later writes cannot disturb: iterators simply keep the root they started from.
 *
 * Keys are compared by UTF-16 code unit with the language's own `<`, so there is no comparator callback.
 */

/** Entries per leaf and children per inner node. 64 measured best for both descent and path copying. */
const NODE_MAX = 64;
/** A node that falls below this is merged with a neighbour if both fit into one. */
const NODE_MIN = 16;

/** Identity is all that matters: which tree may change a node in place. */
class Owner {}

class Leaf<V> {
  owner: Owner | undefined;
  keys: string[];
  values: V[];
  constructor(owner: Owner | undefined, keys: string[], values: V[]) {
    this.owner = owner;
    this.keys = keys;
    this.values = values;
  }
}

class Inner<V> {
  owner: Owner | undefined;
  /** keys[i] separates children[i] (all smaller) from children[i + 1] (all greater or equal). */
  keys: string[];
  children: TreeNode<V>[];
  constructor(owner: Owner | undefined, keys: string[], children: TreeNode<V>[]) {
    this.owner = owner;
    this.keys = keys;
    this.children = children;
  }
}

export type TreeNode<V> = Leaf<V> | Inner<V>;

/** Index of the first key that is not smaller than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the child that may hold `key`. */
function childIndex(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (key < (keys[middle] as string)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The smallest string above all that start with `prefix`; undefined where there is none. */
function prefixEnd(prefix: string): string | undefined {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at);
    if (unit < 0xffff) return prefix.slice(0, at) + String.fromCharCode(unit + 1);
  }
  return undefined;
}

function sizeOf<V>(node: TreeNode<V>): number {
  if (!(node instanceof Inner)) return node.keys.length;
  let size = 0;
  for (const child of node.children) size += sizeOf(child);
  return size;
}

export class BTree<V> {
  #root: TreeNode<V>;
  #size: number;
  /** Undefined while the root may be shared: the next write takes a fresh token. */
  #owner: Owner | undefined;
  /** Set by an insertion below when the node had to split: the new right neighbour and its smallest key. */
  #splitNode: TreeNode<V> | undefined;
  #splitKey = "";
  /** The value that the running `set` or `delete` replaced. */
  #previous: V | undefined;

  constructor(root: TreeNode<V> = new Leaf<V>(undefined, [], []), size = 0) {
    this.#root = root;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** An equal tree; both may be written from here on without seeing each other. O(1). */
  clone(): BTree<V> {
    this.#owner = undefined;
    return new BTree<V>(this.#root, this.#size);
  }

  get(key: string): V | undefined {
    let node = this.#root;
    while (node instanceof Inner) node = node.children[childIndex(node.keys, key)] as TreeNode<V>;
    const at = lowerBound(node.keys, key);
    return node.keys[at] === key ? node.values[at] : undefined;
  }

  /** @returns the value that was there. */
  set(key: string, value: V): V | undefined {
    this.#owner ??= new Owner();
    this.#previous = undefined;
    this.#root = this.#insert(this.#root, key, value);
    if (this.#splitNode !== undefined) {
      this.#root = new Inner<V>(this.#owner, [this.#splitKey], [this.#root, this.#splitNode]);
      this.#splitNode = undefined;
    }
    return this.#takePrevious();
  }

  /** @returns the value that was there. */
  delete(key: string): V | undefined {
    if (this.get(key) === undefined) return undefined; // no path is copied for nothing
    this.#owner ??= new Owner();
    this.#previous = undefined;
    this.#setRoot(this.#remove(this.#root, key));
    this.#size--;
    return this.#takePrevious();
  }

  /**
   * Removes every key that starts with `prefix`. Whole subtrees are cut off, so it costs as much as counting
   * their leaves.
   *
   * @returns how many there were.
   */
  deletePrefix(prefix: string): number {
    this.#owner ??= new Owner();
    const before = this.#size;
    this.#setRoot(this.#cut(this.#root, prefix, prefixEnd(prefix)) ?? new Leaf<V>(this.#owner, [], []));
    return before - this.#size;
  }

  /**
   * Removes every entry that `isGone` says so of, in one walk over all there are: for many that stand apart, a fraction
   * of what taking each out by its key costs. Nodes that lose nothing stay shared.
   */
  deleteWhere(isGone: (key: string, value: V) => boolean): void {
    this.#owner ??= new Owner();
    this.#setRoot(this.#sift(this.#root, isGone) ?? new Leaf<V>(this.#owner, [], []));
  }

  /**
   * Values whose key starts with `prefix`, in key order, as of this call: later writes do not show, however
   * slowly the iterator is drained. It may be put aside and resumed at any time.
   */
  scan(prefix: string): Iterable<V> {
    if (this.#size === 0) return NOTHING;
    this.#owner = undefined;
    return new TreeScan<V>(this.#root, prefix);
  }

  /** A root with a single child says nothing. */
  #setRoot(root: TreeNode<V>): void {
    let top = root;
    while (top instanceof Inner && top.children.length === 1) top = top.children[0] as TreeNode<V>;
    this.#root = top;
  }

  #takePrevious(): V | undefined {
    const previous = this.#previous;
    this.#previous = undefined;
    return previous;
  }

  #ownLeaf(leaf: Leaf<V>): Leaf<V> {
    return leaf.owner === this.#owner ? leaf : new Leaf<V>(this.#owner, leaf.keys.slice(), leaf.values.slice());
  }

  #ownInner(inner: Inner<V>): Inner<V> {
    return inner.owner === this.#owner ? inner : new Inner<V>(this.#owner, inner.keys.slice(), inner.children.slice());
  }

  #insert(node: TreeNode<V>, key: string, value: V): TreeNode<V> {
    if (node instanceof Inner) {
      const inner = this.#ownInner(node);
      const at = childIndex(inner.keys, key);
      inner.children[at] = this.#insert(inner.children[at] as TreeNode<V>, key, value);
      const right = this.#splitNode;
      if (right !== undefined) {
        this.#splitNode = undefined;
        inner.keys.splice(at, 0, this.#splitKey);
        inner.children.splice(at + 1, 0, right);
        if (inner.children.length > NODE_MAX) this.#splitInner(inner, at + 2 === inner.children.length);
      }
      return inner;
    }
    const leaf = this.#ownLeaf(node);
    const at = lowerBound(leaf.keys, key);
    if (leaf.keys[at] === key) {
      this.#previous = leaf.values[at];
      leaf.values[at] = value;
      return leaf;
    }
    this.#size++;
    if (at === leaf.keys.length) {
      leaf.keys.push(key);
      leaf.values.push(value);
    } else {
      leaf.keys.splice(at, 0, key);
      leaf.values.splice(at, 0, value);
    }
    if (leaf.keys.length > NODE_MAX) {
      // Keys that arrive in order (a restore) leave full nodes behind instead of half-empty ones.
      const cut = at === NODE_MAX ? NODE_MAX : (leaf.keys.length + 1) >>> 1;
      this.#splitKey = leaf.keys[cut] as string;
      this.#splitNode = new Leaf<V>(this.#owner, leaf.keys.slice(cut), leaf.values.slice(cut));
      leaf.keys = leaf.keys.slice(0, cut); // sliced, not truncated: a truncated array keeps its slack
      leaf.values = leaf.values.slice(0, cut);
    }
    return leaf;
  }

  #splitInner(inner: Inner<V>, appended: boolean): void {
    const cut = appended ? NODE_MAX - 1 : inner.children.length >>> 1;
    this.#splitKey = inner.keys[cut - 1] as string;
    this.#splitNode = new Inner<V>(this.#owner, inner.keys.slice(cut), inner.children.slice(cut));
    inner.keys = inner.keys.slice(0, cut - 1);
    inner.children = inner.children.slice(0, cut);
  }

  /** Removes a key that is known to be there. */
  #remove(node: TreeNode<V>, key: string): TreeNode<V> {
    if (!(node instanceof Inner)) {
      const leaf = this.#ownLeaf(node);
      const at = lowerBound(leaf.keys, key);
      this.#previous = leaf.values[at];
      leaf.keys.splice(at, 1);
      leaf.values.splice(at, 1);
      return leaf;
    }
    const inner = this.#ownInner(node);
    const at = childIndex(inner.keys, key);
    const child = this.#remove(inner.children[at] as TreeNode<V>, key);
    inner.children[at] = child;
    if (child.keys.length < NODE_MIN) this.#mergeAt(inner, at);
    return inner;
  }

  /** Removes the keys in [low, high). @returns undefined when nothing is left. */
  #cut(node: TreeNode<V>, low: string, high: string | undefined): TreeNode<V> | undefined {
    if (!(node instanceof Inner)) {
      const from = lowerBound(node.keys, low);
      const to = high === undefined ? node.keys.length : lowerBound(node.keys, high);
      if (from >= to) return node;
      this.#size -= to - from;
      if (to - from === node.keys.length) return undefined;
      const leaf = this.#ownLeaf(node);
      leaf.keys.splice(from, to - from);
      leaf.values.splice(from, to - from);
      return leaf;
    }
    const first = childIndex(node.keys, low);
    const last = high === undefined ? node.children.length - 1 : childIndex(node.keys, high);
    const inner = this.#ownInner(node);
    // Between the two ends of the range lies nothing but the range.
    for (let at = first + 1; at < last; at++) this.#size -= sizeOf(inner.children[at] as TreeNode<V>);
    if (last > first + 1) {
      inner.children.splice(first + 1, last - first - 1);
      inner.keys.splice(first, last - first - 1);
    }
    for (let at = last > first ? first + 1 : first; at >= first; at--) this.#cutChild(inner, at, low, high);
    return inner.children.length === 0 ? undefined : inner;
  }

  #cutChild(parent: Inner<V>, at: number, low: string, high: string | undefined): void {
    const child = this.#cut(parent.children[at] as TreeNode<V>, low, high);
    if (child === undefined) {
      parent.children.splice(at, 1);
      parent.keys.splice(Math.max(0, at - 1), 1);
      return;
    }
    parent.children[at] = child;
    if (child.keys.length < NODE_MIN) this.#mergeAt(parent, at);
  }

  /** @returns what is left of a node; undefined when nothing is. */
  #sift(node: TreeNode<V>, isGone: (key: string, value: V) => boolean): TreeNode<V> | undefined {
    if (!(node instanceof Inner)) {
      const left = new Leaf<V>(this.#owner, [], []);
      for (let at = 0; at < node.keys.length; at++) {
        const [key, value] = [node.keys[at] as string, node.values[at] as V];
        if (isGone(key, value)) continue;
        left.keys.push(key);
        left.values.push(value);
      }
      this.#size -= node.keys.length - left.keys.length;
      if (left.keys.length === node.keys.length) return node;
      return left.keys.length === 0 ? undefined : left;
    }
    const left = new Inner<V>(this.#owner, [], []);
    let isSame = true;
    for (const [at, child] of node.children.entries()) {
      const rest = this.#sift(child, isGone);
      if (rest !== child) isSame = false;
      if (rest === undefined) continue;
      if (left.children.length > 0) left.keys.push(node.keys[at - 1] as string);
      left.children.push(rest);
    }
    if (isSame) return node;
    if (left.children.length === 0) return undefined;
    for (let at = left.children.length - 1; at >= 0; at--) {
      if ((left.children[at]?.keys.length ?? NODE_MIN) < NODE_MIN) this.#mergeAt(left, at);
    }
    return left;
  }

  /** Joins a small child with a neighbour where both fit; an empty leaf always fits. */
  #mergeAt(parent: Inner<V>, at: number): void {
    if (parent.children.length < 2) return;
    const leftAt = at > 0 ? at - 1 : at;
    const left = parent.children[leftAt] as TreeNode<V>;
    const right = parent.children[leftAt + 1] as TreeNode<V>;
    const isInner = left instanceof Inner; // whose children are one more than its keys, on both sides
    if (left.keys.length + right.keys.length + (isInner ? 2 : 0) > NODE_MAX) return;
    let merged: TreeNode<V>;
    if (left instanceof Inner && right instanceof Inner) {
      const separator = parent.keys[leftAt] as string;
      merged = new Inner<V>(
        this.#owner,
        [...left.keys, separator, ...right.keys],
        [...left.children, ...right.children],
      );
    } else {
      const [a, b] = [left as Leaf<V>, right as Leaf<V>];
      merged = new Leaf<V>(this.#owner, [...a.keys, ...b.keys], [...a.values, ...b.values]);
    }
    parent.children.splice(leftAt, 2, merged);
    parent.keys.splice(leftAt, 1);
  }
}

/** Of an empty tree: many tables are, and are looked at by every command that might concern them. */
const NOTHING: Iterable<never> = Object.freeze([]);

/** A walk over one prefix of a frozen root. Each `[Symbol.iterator]()` starts afresh. */
class TreeScan<V> implements Iterable<V> {
  readonly #root: TreeNode<V>;
  readonly #prefix: string;

  constructor(root: TreeNode<V>, prefix: string) {
    this.#root = root;
    this.#prefix = prefix;
  }

  [Symbol.iterator](): TreeCursor<V> {
    return new TreeCursor<V>(this.#root, this.#prefix);
  }
}

/** Where a walk stands: the path of inner nodes above the current leaf, and the next position in it. */
class TreeCursor<V> implements IterableIterator<V> {
  readonly #prefix: string;
  readonly #path: Inner<V>[] = [];
  readonly #positions: number[] = [];
  #leaf: Leaf<V> | undefined;
  #at = 0;
  /** Every key left in this leaf has the prefix: no need to compare one by one. */
  #wholeLeaf = false;

  constructor(root: TreeNode<V>, prefix: string) {
    this.#prefix = prefix;
    let node = root;
    while (node instanceof Inner) {
      const at = childIndex(node.keys, prefix);
      this.#path.push(node);
      this.#positions.push(at);
      node = node.children[at] as TreeNode<V>;
    }
    this.#enter(node);
    this.#at = lowerBound(node.keys, prefix);
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<V, undefined> {
    let leaf = this.#leaf;
    while (leaf !== undefined) {
      if (this.#at < leaf.keys.length) {
        const at = this.#at++;
        if (this.#wholeLeaf || (leaf.keys[at] as string).startsWith(this.#prefix)) {
          return { done: false, value: leaf.values[at] as V };
        }
        this.#leaf = undefined;
        break;
      }
      leaf = this.#nextLeaf();
    }
    return { done: true, value: undefined };
  }

  #enter(leaf: Leaf<V>): void {
    this.#leaf = leaf;
    this.#at = 0;
    const last = leaf.keys.at(-1);
    this.#wholeLeaf = last?.startsWith(this.#prefix) ?? false;
  }

  #nextLeaf(): Leaf<V> | undefined {
    this.#leaf = undefined;
    while (this.#path.length > 0) {
      const depth = this.#path.length - 1;
      const inner = this.#path[depth] as Inner<V>;
      const at = (this.#positions[depth] as number) + 1;
      if (at >= inner.children.length) {
        this.#path.pop();
        this.#positions.pop();
        continue;
      }
      this.#positions[depth] = at;
      let node = inner.children[at] as TreeNode<V>;
      while (node instanceof Inner) {
        this.#path.push(node);
        this.#positions.push(0);
        node = node.children[0] as TreeNode<V>;
      }
      this.#enter(node);
      return node;
    }
    return undefined;
  }
}
