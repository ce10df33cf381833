/** Dates, sizes and spans as a reader writes them, in the time where the reader lives. */
import { printable } from '#base'
import type { Language } from '#protocol'

export interface Say {
  /** `Tue 4 Aug, 22:00`, with the year when it is another one. */
  readonly date: (at: number) => string
  /** `4 August 2026`. */
  readonly day: (at: number) => string
  /** `2 days`, in the largest unit that fits. */
  readonly span: (milliseconds: number) => string
  /** `1.5 GB`. */
  readonly size: (bytes: number) => string
  readonly number: (value: number) => string
  /** Text from outside: cut, and without what could harm a line. */
  readonly quote: (text: string) => string
  /** The same of what is often the sentence of an error: the full stop is the text's. */
  readonly reason: (text: string) => string
}

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', de: 'de-DE' }

const spanUnits = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

const sizeUnits = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const

/** Characters of outside text that one place in a message repeats. */
const longestQuote = 200

/** `now` decides whether a date needs its year. */
export function sayIn(language: Language, { timeZone, now }: { readonly timeZone: string; readonly now: number }): Say {
  const locale = locales[language]
  const format = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { timeZone, ...options })
  const year = format({ year: 'numeric' })
  const moment = { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const
  const [short, long, day] = [format(moment), format({ ...moment, year: 'numeric' }), format({ dateStyle: 'long' })]
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 })
  const unit = (value: number, name: string, display: 'long' | 'short') =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: display, maximumFractionDigits: 1 }).format(
      value,
    )
  return {
    date: (at) => (year.format(at) === year.format(now) ? short : long).format(at),
    day: (at) => day.format(at),
    span: (milliseconds) => {
      const [name, length] = spanUnits.find(([, size]) => milliseconds >= size) ?? spanUnits[3]
      return unit(Math.round(milliseconds / length), name, 'long')
    },
    size: (bytes) => {
      const power = Math.min(sizeUnits.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3))
      return unit(bytes / 1000 ** power, sizeUnits[power] ?? 'byte', 'short')
    },
    number: (value) => number.format(value),
    quote: (text) => printable(text, longestQuote),
    reason: (text) => printable(text.replace(/\.\s*$/, ''), longestQuote),
  }
}
