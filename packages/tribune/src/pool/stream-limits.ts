/** Connections of peers that are open at once. */
export const STREAMS_MAX = 1_024;
/** Of these, push/pulls that are being answered; more are closed without a word, as by every peer. */
export const PUSH_PULLS_MAX = 127;
/** What all open connections may have received together and not yet used. */
export const STREAM_BYTES_MAX = 256 * 1_024 * 1_024;
