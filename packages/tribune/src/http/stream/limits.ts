/** Bounds on streams of events. Docs: docs/limits.md. */
export const STREAM_LIMITS = {
  /** Views of one connection. */
  viewsPerStreamMax: 32,
  /** Connections of one agent. */
  streamsMax: 4_096,
  /** Different views that are followed at once, those that nobody reads right now included. */
  topicsMax: 1_024,
  /** One answer; longer ones are for blocking queries. */
  viewBytesMax: 16 << 20,
  /** All answers and changes that are held for streams. */
  bytesMax: 128 << 20,
  /** Changes of one view that are kept for who comes back. */
  changesMax: 256,
  changesBytesMax: 1 << 20,
  /** A view that nobody reads any more is followed for so long: its readers may only have lost their connection. */
  lingerMs: 30_000,
  /** A reader who takes nothing for so long is let go. */
  stalledMs: 30_000,
  heartbeatMsMin: 1_000,
  heartbeatMsMax: 60_000,
  heartbeatMsDefault: 10_000,
} as const;
export type StreamLimits = { readonly [K in keyof typeof STREAM_LIMITS]: number };

/**
 * Finding and telling what changed in one view may take this part of the time: one that changes all the time is told less
 * often. Yet never so late that people notice: the pause has a bound, above which a large view takes a larger part.
 */
export const BUSY_SHARE = 1 / 10;
export const PAUSE_MS_MAX = 250;
/** Between two tries while a view cannot be read. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 10_000;
/** An event's two parts are sent as one up to here. */
export const JOINED_BYTES_MAX = 16 * 1_024;
/** A longer one goes in pieces: handing a system megabytes for each of hundreds of readers would hold everybody else up. */
export const PIECE_BYTES = 64 * 1_024;
