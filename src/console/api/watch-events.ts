import type { QueryClient } from '@tanstack/react-query'
import { eventSchema } from '#protocol'
import type { WatchedEvent } from '#protocol'
import { gather } from './gather.ts'
import { askAnew } from './queries.ts'

/** Milliseconds for which changes are gathered: an operation tells how far it is more often than anybody can read. */
const gatherFor = 400
/** Milliseconds before a stream is opened again that the server has ended. */
const pause = 5_000

const name = 'understudy-events'

/**
 * Watches what changes at the server, and has shown lists asked for anew in place. A browser has few connections for one
 * server, so of all its windows one has the stream and tells the others. Returns how to stop.
 */
export function watchEvents(client: QueryClient): () => void {
  const ending = new AbortController()
  const { signal } = ending
  const heard = gather<WatchedEvent['kind']>(
    gatherFor,
    (kinds) => void askAnew(client, kinds.includes('missed') ? 'all' : kinds.filter(isKind)),
  )
  const others = new BroadcastChannel(name)
  others.addEventListener('message', ({ data }) => {
    const read = eventSchema.safeParse(data)
    if (read.success) heard.add(read.data.kind)
  })
  const tell = (event: WatchedEvent) => {
    heard.add(event.kind)
    others.postMessage(event)
  }
  void becomeTeller(tell, signal)
  signal.addEventListener('abort', () => {
    heard.stop()
    others.close()
  })
  return () => ending.abort()
}

function isKind(kind: WatchedEvent['kind']): kind is Exclude<WatchedEvent['kind'], 'missed'> {
  return kind !== 'missed'
}

/** Waits until no other window has the stream, and has it from then on. */
async function becomeTeller(tell: (event: WatchedEvent) => void, signal: AbortSignal): Promise<void> {
  try {
    await navigator.locks.request(name, { signal }, async () => await stream(tell, signal))
  } catch (thrown) {
    if (!signal.aborted) throw thrown
  }
}

/** Reads the stream until `signal` aborts. The browser itself says where it was when it opens it again. */
async function stream(tell: (event: WatchedEvent) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await new Promise<void>((ended) => {
      const source = new EventSource('/api/events')
      const end = () => {
        source.close()
        ended()
      }
      signal.addEventListener('abort', end, { once: true })
      source.addEventListener('message', ({ data }) => {
        const read = eventSchema.safeParse(parseOrNothing(String(data)))
        if (read.success) tell(read.data)
      })
      source.addEventListener('error', () => {
        if (source.readyState === EventSource.CLOSED) setTimeout(end, pause)
      })
    })
  }
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
