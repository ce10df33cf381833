/** How far the server's clock is ahead of the browser's, in milliseconds: "3 hours ago" is said by the server's. */
let ahead = 0

/** @param told milliseconds since 1970, as the server said with an answer */
export function noteServerTime(told: string | null, now: number = Date.now()): void {
  const time = Number(told ?? NaN)
  // Less than the way there and back is no difference.
  if (Number.isFinite(time)) ahead = Math.abs(time - now) < 2_000 ? 0 : time - now
}

/** Milliseconds since 1970 by the server's clock. */
export function serverNow(now: number = Date.now()): number {
  return now + ahead
}
