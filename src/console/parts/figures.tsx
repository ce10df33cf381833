import { useSyncExternalStore } from 'react'
import { serverNow } from '../api/server-time.ts'
import { commonWords } from '../words/common.ts'
import {
  formatAgo,
  formatDuration,
  formatExactMoment,
  formatExactSize,
  formatMoment,
  formatNumber,
  formatSize,
} from '../words/formats.ts'
import { useLocale, useWords } from '../words/locale.ts'

/** Milliseconds between two looks at the clock: "a minute ago" is never said for longer than it is so. */
const tick = 30_000

let now = serverNow()
const watching = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function watchClock(changed: () => void): () => void {
  watching.add(changed)
  timer ??= setInterval(() => {
    now = serverNow()
    for (const each of watching) each()
  }, tick)
  return () => {
    watching.delete(changed)
    if (watching.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** Milliseconds since 1970 by the server's clock, anew every half minute. */
export function useNow(): number {
  return useSyncExternalStore(watchClock, () => now)
}

/** A moment as one speaks of it, exact when one points at it. Null: never. */
export function Ago({ at }: { readonly at: string | null }) {
  const { locale } = useLocale()
  const { never } = useWords(commonWords)
  const current = Math.max(useNow(), serverNow() - tick)
  if (at === null) return <>{never}</>
  return (
    <time dateTime={at} title={formatExactMoment(at, locale)}>
      {formatAgo(at, current, locale)}
    </time>
  )
}

/** Date and time, exact when one points at it. */
export function Moment({ at }: { readonly at: string | null }) {
  const { locale } = useLocale()
  const { never } = useWords(commonWords)
  if (at === null) return <>{never}</>
  return (
    <time dateTime={at} title={formatExactMoment(at, locale)}>
      {formatMoment(at, locale)}
    </time>
  )
}

/** Bytes as one speaks of them, exact when one points at them. Null: not known. */
export function Size({ bytes }: { readonly bytes: number | null }) {
  const { locale } = useLocale()
  const { notKnownYet } = useWords(commonWords)
  if (bytes === null) return <>{notKnownYet}</>
  return <span title={formatExactSize(bytes, locale)}>{formatSize(bytes, locale)}</span>
}

export function Duration({ seconds }: { readonly seconds: number | null }) {
  const { locale } = useLocale()
  const { notKnownYet } = useWords(commonWords)
  return <>{seconds === null ? notKnownYet : formatDuration(seconds, locale)}</>
}

export function Count({ of }: { readonly of: number | null }) {
  const { locale } = useLocale()
  const { notKnownYet } = useWords(commonWords)
  return <>{of === null ? notKnownYet : formatNumber(of, locale)}</>
}
