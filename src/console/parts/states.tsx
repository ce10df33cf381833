import { Button, Loader } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { ReactNode } from 'react'
import { commonWords } from '../words/common.ts'
import { useLocale, useWords } from '../words/locale.ts'
import { failureWords } from './failure-words.ts'
import styles from './states.module.css'

/** Milliseconds that pass without a sign of work: what is quicker would only flicker. */
const unseen = 200

/** Shows that something works, once it takes longer than one notices. */
export function Loading() {
  const { loading } = useWords(commonWords)
  const [isSlow, setSlow] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), unseen)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div className={styles.loading} role="status" aria-busy="true">
      {isSlow && (
        <>
          <Loader size="sm" aria-hidden="true" /> {loading}
        </>
      )}
    </div>
  )
}

export interface FailureProps {
  readonly of: unknown
  readonly onRetry?: (() => void) | undefined
}

/** What went wrong, and what to do: the one way in which it is said. */
export function Failure({ of, onRetry }: FailureProps) {
  const { language } = useLocale()
  const { tryAgain } = useWords(commonWords)
  const { message, hint, code } = failureWords(of, language)
  return (
    <div className={styles.failure} role="alert">
      <div>
        <b>{message}</b> {hint} <code className={styles.code}>{code}</code>
      </div>
      {onRetry && (
        <Button variant="default" size="compact-sm" onClick={onRetry}>
          {tryAgain}
        </Button>
      )}
    </div>
  )
}

/** Where there is nothing yet: what will be here, and how it comes here. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <b>{title}</b>
      <div>{children}</div>
    </div>
  )
}

interface AnsweredProps<Answer> {
  readonly query: UseQueryResult<Answer>
  readonly children: (answer: Answer) => ReactNode
}

/** What an answer shows. An older one stays in place when the next fails, and that it is older is said. */
export function Answered<Answer>({ query, children }: AnsweredProps<Answer>) {
  const { data, error, refetch } = query
  const failure = error && <Failure of={error} onRetry={() => void refetch()} />
  if (data === undefined) return failure ?? <Loading />
  return (
    <>
      {failure}
      {children(data)}
    </>
  )
}
