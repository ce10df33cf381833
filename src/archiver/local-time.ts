/**
 * RFC 3339 with the offset of this machine's time zone: a snapshot's time decides which of the owner's days it belongs to.
 * `milliseconds` since 1970.
 */
export function formatLocalTime(milliseconds: number): string {
  const minutes = -new Date(milliseconds).getTimezoneOffset()
  // Like Go, without zeros at the end of the fraction.
  const local = new Date(milliseconds + minutes * 60_000).toISOString().replace(/\.?0+Z$/, 'Z')
  if (minutes === 0) return local
  const size = Math.abs(minutes)
  const [hours, rest] = [Math.floor(size / 60), size % 60].map((value) => String(value).padStart(2, '0'))
  return `${local.slice(0, -1)}${minutes < 0 ? '-' : '+'}${hours}:${rest}`
}
