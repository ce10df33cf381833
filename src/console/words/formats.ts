/**
 * Dates, sizes and numbers as the locale writes them. `locale` is a BCP 47 tag; times are RFC 3339 or milliseconds since
 * 1970, and are told in the time zone of whoever reads.
 */
export type Moment = string | number

const day = 86_400
const hour = 3_600
const minute = 60

/** Formatters are dear to make, and lists need them a thousand times. */
const made = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>()

function keep<F extends Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>(
  key: string,
  make: () => F,
): F {
  const known = made.get(key)
  if (known) return known as F
  const fresh = make()
  made.set(key, fresh)
  return fresh
}

export function formatNumber(value: number, locale: string): string {
  return keep(`n ${locale}`, () => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 })).format(value)
}

const byteUnits = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const

/** `1500` → `1.5 kB`: by thousands, as disks are sold. */
export function formatSize(bytes: number, locale: string): string {
  const power = Math.min(bytes < 1_000 ? 0 : Math.floor(Math.log10(bytes) / 3), byteUnits.length - 1)
  const unit = byteUnits[power] ?? 'byte'
  return unitFormat(unit, locale).format(bytes / 1_000 ** power)
}

/** `1500` → `1,500 bytes`. */
export function formatExactSize(bytes: number, locale: string): string {
  const format = { style: 'unit', unit: 'byte', unitDisplay: 'long' } as const
  return keep(`b ${locale}`, () => new Intl.NumberFormat(locale, format)).format(bytes)
}

function unitFormat(unit: string, locale: string): Intl.NumberFormat {
  const maximumFractionDigits = unit === 'byte' ? 0 : 1
  const unitDisplay = unit === 'byte' ? 'long' : 'short'
  const format = { style: 'unit', unit, unitDisplay, maximumFractionDigits } as const
  return keep(`u ${unit} ${locale}`, () => new Intl.NumberFormat(locale, format))
}

const spans = [
  ['day', day],
  ['hour', hour],
  ['minute', minute],
  ['second', 1],
] as const

/** `5400` → `1 hr 30 min`: the two largest units, and nothing that is not there. */
export function formatDuration(seconds: number, locale: string): string {
  let left = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [unit, length] of spans) {
    const count = Math.floor(left / length)
    left -= count * length
    if (count > 0) parts.push(unitFormat(unit, locale).format(count))
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.length > 0 ? parts.join(' ') : unitFormat('second', locale).format(0)
}

/** `Monday 23 November, 08:12`: for "as of". */
export function formatAsOf(moment: Moment, locale: string): string {
  const format = { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' } as const
  return keep(`a ${locale}`, () => new Intl.DateTimeFormat(locale, format)).format(new Date(moment))
}

/** `23 Nov 2026, 08:12`. */
export function formatMoment(moment: Moment, locale: string): string {
  const format = { dateStyle: 'medium', timeStyle: 'short' } as const
  return keep(`m ${locale}`, () => new Intl.DateTimeFormat(locale, format)).format(new Date(moment))
}

/** `Monday, 23 November 2026 at 08:12:45 CET`: for who wants to know it exactly. */
export function formatExactMoment(moment: Moment, locale: string): string {
  const format = { dateStyle: 'full', timeStyle: 'long' } as const
  return keep(`e ${locale}`, () => new Intl.DateTimeFormat(locale, format)).format(new Date(moment))
}

export function formatDay(moment: Moment, locale: string): string {
  return keep(`d ${locale}`, () => new Intl.DateTimeFormat(locale, { dateStyle: 'full' })).format(new Date(moment))
}

/** `3 hours ago`, `in 2 days`: by the largest unit that is there. */
export function formatAgo(moment: Moment, now: number, locale: string): string {
  const seconds = Math.round((new Date(moment).getTime() - now) / 1_000)
  const format = keep(`r ${locale}`, () => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }))
  const [unit, length] = spans.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1]
  if (unit === 'second') return format.format(0, 'second')
  return format.format(Math.trunc(seconds / length), unit)
}
