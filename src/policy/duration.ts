import { PolicyError } from './errors.ts'

/** A length of time in calendar units, as restic's `--keep-within` takes it. */
export interface CalendarDuration {
  readonly years: number
  readonly months: number
  readonly days: number
  readonly hours: number
}

type Unit = keyof CalendarDuration

const units: Readonly<Record<string, Unit>> = { y: 'years', m: 'months', d: 'days', h: 'hours' }

/** More digits than any duration needs, and few enough that calendar arithmetic stays exact. */
const longestNumber = 7

/** Reads `1y5m7d2h`. Units may stand in any order; of a repeated one the last counts, as in restic. */
export function parseDuration(text: string): CalendarDuration {
  const refuse = (reason: string) => new PolicyError('POLICY_DURATION_INVALID', { text, reason })
  const duration: Record<Unit, number> = { years: 0, months: 0, days: 0, hours: 0 }
  let rest = text.trim()
  while (rest !== '') {
    const [part, number = '', letter = ''] = /^(-?\d+)(.?)/su.exec(rest) ?? []
    if (part === undefined) throw refuse('a number is expected before each unit')
    if (number.startsWith('-')) throw refuse('it must not be negative')
    if (number.length > longestNumber) throw refuse(`${number} is too large`)
    const unit = Object.hasOwn(units, letter) ? units[letter] : undefined
    if (unit === undefined) throw refuse(`after ${number} one of y, m, d, h is expected`)
    duration[unit] = Number(number)
    rest = rest.slice(part.length)
  }
  return duration
}

/** `1y5m7d2h`; units that are 0 are left out, so that no duration at all is an empty text. */
export function formatDurationUnits({ years, months, days, hours }: CalendarDuration): string {
  const part = (count: number, unit: string) => (count === 0 ? '' : `${count}${unit}`)
  return part(years, 'y') + part(months, 'm') + part(days, 'd') + part(hours, 'h')
}

export function isZero({ years, months, days, hours }: CalendarDuration): boolean {
  return years === 0 && months === 0 && days === 0 && hours === 0
}
