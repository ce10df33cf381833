import { Button, Progress } from '@mantine/core'
import type { operationSchema, OperationState } from '#protocol'
import type { z } from 'zod'
import { cancelOperation } from '../api/calls.ts'
import { useAction } from '../api/queries.ts'
import { formatDuration, formatNumber, formatSize } from '../words/formats.ts'
import { useLocale, useWords } from '../words/locale.ts'
import { operationKindWords, operationWords } from './operation-words.ts'
import styles from './operation.module.css'
import { Failure } from './states.tsx'
import { Status } from './status.tsx'
import type { StatusKind } from './status-kind.ts'

export type Operation = z.output<typeof operationSchema>

const statusOf: Readonly<Record<OperationState, StatusKind>> = {
  waiting: 'unknown',
  running: 'unknown',
  done: 'good',
  warnings: 'look',
  failed: 'bad',
  cancelled: 'unknown',
}

/** What kind of operation it is, in plain words; one that this console does not know by its name. */
export function useKindWords(): (kind: string) => string {
  const words: Readonly<Record<string, string>> = useWords(operationKindWords)
  return (kind) => words[kind] ?? kind
}

export function OperationStatus({ of: { state, cancelAsked } }: { readonly of: Operation }) {
  const words = useWords(operationWords)
  const isEnding = cancelAsked && (state === 'running' || state === 'waiting')
  return <Status is={statusOf[state]}>{isEnding ? words.ending : words[state]}</Status>
}

/** How far an operation is that has not ended: a bar where it is known, and the time left where somebody knows it. */
export function OperationProgress({ of: { progress, state } }: { readonly of: Operation }) {
  const { locale } = useLocale()
  const words = useWords(operationWords)
  if (state !== 'running' || !progress) return null
  const { step, done, total, unit, secondsLeft } = progress
  const show = (value: number) => (unit === 'bytes' ? formatSize(value, locale) : formatNumber(value, locale))
  const isKnown = done !== undefined && total !== undefined && total > 0
  const said = [
    step,
    isKnown ? words.of(show(done), show(total)) : done !== undefined ? show(done) : undefined,
    secondsLeft !== undefined ? words.left(formatDuration(secondsLeft, locale)) : undefined,
  ]
  return (
    <div className={styles.progress}>
      {isKnown && <Progress value={Math.min(100, (done / total) * 100)} aria-label={words.progress} />}
      <small>{said.filter((each) => each !== undefined).join(' · ')}</small>
    </div>
  )
}

/** Ends an operation that waits or runs. */
export function CancelButton({ of: { id, state, cancelAsked } }: { readonly of: Operation }) {
  const words = useWords(operationWords)
  const cancels = useAction(cancelOperation)
  if (state !== 'waiting' && state !== 'running') return null
  return (
    <>
      <Button
        variant="default"
        size="compact-sm"
        disabled={cancelAsked}
        loading={cancels.isPending}
        onClick={() => cancels.mutate({ params: { operation: id } })}
      >
        {words.cancel}
      </Button>
      {cancels.error && <Failure of={cancels.error} />}
    </>
  )
}
