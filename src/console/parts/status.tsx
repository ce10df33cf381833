import type { StatusKind } from './status-kind.ts'
import styles from './status.module.css'

const signs: Readonly<Record<StatusKind, string>> = { good: '✓', bad: '✕', look: '!', unknown: '?' }

export function Status({ is, children }: { readonly is: StatusKind; readonly children: string }) {
  return (
    <span className={styles[is]}>
      <span aria-hidden="true">{signs[is]}</span> {children}
    </span>
  )
}
