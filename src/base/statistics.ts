/** Statistics that a few wild values do not move. */

/** The middle value; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5)
}

/** The value below which the share `part` of the values lies, between two values in proportion; undefined of nothing. */
export function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = values.toSorted((one, other) => one - other)
  const place = (sorted.length - 1) * part
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) return undefined
  return below + (above - below) * (place - Math.floor(place))
}

/** The median distance from the median, scaled so that for a normal distribution it is the standard deviation. */
export function medianDeviation(values: readonly number[]): number | undefined {
  const middle = median(values)
  const deviation = middle === undefined ? undefined : median(values.map((value) => Math.abs(value - middle)))
  return deviation === undefined ? undefined : deviation * 1.4826
}
