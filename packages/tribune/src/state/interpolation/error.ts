/** The message is HIL's. */
export class InterpolationError extends Error {
  override readonly name = "InterpolationError";
}
