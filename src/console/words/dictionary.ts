import type { Language } from '#protocol'

/** Words of a page or a part of it; what depends on values is a function of them. */
export type Words = Readonly<Record<string, Word>>
type Word = string | ((...given: never[]) => string)

/** Another language says the same things, of the same values. */
export type SameThings<Said extends Words> = {
  readonly [Thing in keyof Said]: Said[Thing] extends (...given: infer Values) => string
    ? (...given: Values) => string
    : string
}

export type Dictionary<Said extends Words> = Readonly<Record<Language, SameThings<Said>>>

/** English, then German: what is missing in one of the languages, or is said in one only, does not compile. */
export function dictionary<Said extends Words>(said: Said, inTheOther: SameThings<Said>): Dictionary<Said> {
  return { en: said as unknown as SameThings<Said>, de: inTheOther }
}

/** `nobody is told` → `Nobody is told`: what the server says in the middle of a sentence stands at the start of one here. */
export function capitalised(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1)
}

const [english, german] = [new Intl.NumberFormat('en'), new Intl.NumberFormat('de')]

/** A number in a sentence: `8571` → `8,571`. */
export function inEnglish(count: number): string {
  return english.format(count)
}

/** The same in German: `8571` → `8.571`. */
export function inGerman(count: number): string {
  return german.format(count)
}
