import { createContext, use } from 'react'
import { languages } from '#protocol'
import type { Language } from '#protocol'
import type { Dictionary, SameThings, Words } from './dictionary.ts'

/** In which language the console speaks, and how it writes dates and numbers. */
export interface Locale {
  readonly language: Language
  /** BCP 47; the reader's own variant of the language where the browser names one: `de-AT`. */
  readonly locale: string
  readonly setLanguage: (language: Language) => void
}

export const LocaleContext = createContext<Locale | undefined>(undefined)

export function useLocale(): Locale {
  const locale = use(LocaleContext)
  if (!locale) throw new Error('There is no language outside of the console.')
  return locale
}

/** The words of a page in the language that is spoken. */
export function useWords<Said extends Words>(of: Dictionary<Said>): SameThings<Said> {
  return of[useLocale().language]
}

/** What somebody chose; else the first language of the browser that is spoken here; else English. */
export function chooseLanguage(chosen: string | null, preferred: readonly string[]): Language {
  const wanted = [chosen ?? '', ...preferred].map((tag) => tag.toLowerCase().split('-')[0])
  return (
    wanted.map((tag) => languages.find((language) => language === tag)).find((found) => found !== undefined) ?? 'en'
  )
}

/** The variant of the language that the browser asks for. */
export function localeOf(language: Language, preferred: readonly string[]): string {
  return preferred.find((tag) => tag.toLowerCase().split('-')[0] === language) ?? language
}
