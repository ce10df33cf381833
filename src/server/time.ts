/** Milliseconds since 1970 as the API writes them, RFC 3339. */
export function formatMoment(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

export function formatMomentOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : formatMoment(milliseconds)
}
