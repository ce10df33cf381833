import { useEffect } from 'react'
import type { ReactNode } from 'react'
import { commonWords } from '../words/common.ts'
import { formatAsOf } from '../words/formats.ts'
import { useLocale, useWords } from '../words/locale.ts'
import styles from './page.module.css'

export interface PageProps {
  /** What the page is about, for the line above the headline and the window's title. */
  readonly about: string
  /** One sentence that answers the question one came with. */
  readonly headline: ReactNode
  readonly lead?: ReactNode
  /** When what is shown was so, milliseconds since 1970; left out where nothing is shown that could be old. */
  readonly asOf?: number | undefined
  /** Dense details use the whole width. */
  readonly isWide?: boolean
  readonly children: ReactNode
}

/** A page: what it is about and as of when → the headline that says it → the rest. */
export function Page({ about, headline, lead, asOf, isWide = false, children }: PageProps) {
  const { locale } = useLocale()
  const words = useWords(commonWords)
  useEffect(() => {
    document.title = `${about} · Understudy`
  }, [about])
  return (
    <main className={isWide ? styles.wide : styles.page} id="content" tabIndex={-1}>
      <div className={styles.about}>
        {about}
        {asOf !== undefined && asOf > 0 && <> · {words.asOf(formatAsOf(asOf, locale))}</>}
      </div>
      <h1 className={styles.headline}>{headline}</h1>
      {lead !== undefined && <p className={styles.lead}>{lead}</p>}
      {children}
    </main>
  )
}

/** A part of a page under a small heading. */
export function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className={styles.section}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}

interface NextStepProps {
  /** What to do, and how long it takes. */
  readonly title: string
  readonly children: ReactNode
  /** The first does it, or shows how. */
  readonly actions: ReactNode
}

/** The one thing to do next; there is never more than one on a page. */
export function NextStep({ title, children, actions }: NextStepProps) {
  return (
    <section className={styles.next}>
      <h2>{title}</h2>
      <p>{children}</p>
      <div className={styles.actions}>{actions}</div>
    </section>
  )
}

/** Figures with their names, side by side. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
