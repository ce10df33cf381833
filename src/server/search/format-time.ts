/** The first moment of the year 0, and the last of 9999. */
const [first, last] = [-62_167_219_200_000, 253_402_300_799_999]

/** RFC 3339 in UTC. What its four digits for a year cannot say becomes the nearest that they can: files may have any time. */
export function formatMilliseconds(time: number): string {
  return new Date(Math.min(Math.max(time, first), last)).toISOString()
}
