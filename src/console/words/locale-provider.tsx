import { useEffect, useMemo, useState } from 'react'
import type { ReactNode } from 'react'
import { chooseLanguage, localeOf, LocaleContext } from './locale.ts'

const storageKey = 'understudy-language'

/** Has the console speak the language of whoever reads, and tells the page about it for screen readers. */
export function LocaleProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(() => chooseLanguage(localStorage.getItem(storageKey), navigator.languages))
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const locale = useMemo(
    () => ({
      language,
      locale: localeOf(language, navigator.languages),
      setLanguage: (chosen: typeof language) => {
        localStorage.setItem(storageKey, chosen)
        setLanguage(chosen)
      },
    }),
    [language],
  )
  return <LocaleContext value={locale}>{children}</LocaleContext>
}
