/** Go's durations belong to the contracts (both client and server read them); rooms import them from here. */
export { durationFault, formatGoDuration, MS_NS, parseGoDuration, SECOND_NS } from "@tribune/api/duration";
