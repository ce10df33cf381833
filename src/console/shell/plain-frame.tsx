import type { ReactNode } from 'react'
import { useEffect } from 'react'
import styles from './plain-frame.module.css'

/** The page of who is not signed in: one thing to do. */
export function PlainFrame({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Understudy`
  }, [title])
  return (
    <main className={styles.frame}>
      <div className={styles.name}>Understudy</div>
      <h1>{title}</h1>
      {children}
    </main>
  )
}
