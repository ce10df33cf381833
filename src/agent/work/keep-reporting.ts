import type { Clock } from '#base'

/** Milliseconds between two reports of progress. */
const reportEvery = 5_000

interface Reporting {
  readonly clock: Clock
  /** Aborted when the server wants an end. */
  readonly ending: AbortController
  /** When the work is over. */
  readonly over: AbortSignal
}

/** Tells the server again and again that the work goes on, and ends it when the server says so. What is not heard is told anew. */
export async function keepReporting(
  report: () => Promise<{ readonly cancelAsked: boolean }>,
  { clock, ending, over }: Reporting,
): Promise<void> {
  for (;;) {
    await clock.sleep(reportEvery, { signal: over }).catch(() => undefined)
    if (over.aborted) return
    const said = await report().catch(() => undefined)
    if (said?.cancelAsked === true) ending.abort(new Error('the server asked for an end'))
  }
}
