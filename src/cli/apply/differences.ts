/** What differs between two values, leaf by leaf; lists count as one. */
export interface Difference {
  /** `keep.daily`. */
  readonly at: string
  /** Undefined: it is not there. */
  readonly before: unknown
  readonly after: unknown
}

export function differencesOf(before: unknown, after: unknown, at = ''): Difference[] {
  if (isNamed(before) && isNamed(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return names.flatMap((name) => differencesOf(before[name], after[name], at === '' ? name : `${at}.${name}`))
  }
  return isSame(before, after) ? [] : [{ at, before, after }]
}

function isSame(before: unknown, after: unknown): boolean {
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.length === after.length && before.every((item, at) => isSame(item, after[at]))
  }
  if (isNamed(before) && isNamed(after)) return differencesOf(before, after).length === 0
  return before === after
}

function isNamed(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
