import { formatBytes, hasCode, systemClock } from '#base'
import type { Clock } from '#base'
import type { operationSchema, Progress } from '#protocol'
import type { z } from 'zod'
import type { Printer } from '../printer.ts'
import { formatPercent } from '../words.ts'
import { CallError } from './errors.ts'

type Operation = z.output<typeof operationSchema>

/** How often it is asked how far an operation is, and for how long an answer may fail to come, in milliseconds. */
const everySecond = 1_000
const mostSilence = 5 * 60_000

export interface WaitOptions {
  readonly printer: Printer
  readonly signal: AbortSignal
  readonly clock?: Clock
}

/**
 * Asks how far an operation is until it has ended, and shows it; returns it as it is then. A server that is away for a
 * while is waited for. Who interrupts the command ends the waiting, not the operation.
 */
export async function waitForEnd(
  first: Operation,
  fetch: (id: string) => Promise<Operation>,
  { printer, signal, clock = systemClock }: WaitOptions,
): Promise<Operation> {
  let operation = first
  let answeredAt = clock.monotonic()
  let said: string | undefined
  while (operation.endedAt === null) {
    const waitsFor = operation.state === 'waiting' ? operation.progress?.step : undefined
    // Somebody has to do something: who sees no live line must know it, too.
    if (waitsFor !== undefined && waitsFor !== said) printer.say(`${operation.kind}: ${waitsFor}`)
    said = waitsFor ?? said
    printer.terminal.setStatus(printer.isJson ? [] : [describe(operation)])
    await clock.sleep(everySecond, { signal })
    try {
      operation = await fetch(operation.id)
      answeredAt = clock.monotonic()
    } catch (thrown) {
      if (!hasCode(thrown, 'SERVER_NOT_REACHED') || clock.monotonic() - answeredAt > mostSilence) throw thrown
    }
  }
  printer.terminal.setStatus([])
  return operation
}

/** Throws how it ended, unless it ended well. */
export function refuseBadEnd({ id, state, reason, code }: Operation): void {
  const why = `${(reason ?? 'it does not say why').replace(/\.$/, '')}${code === null ? '' : ` (${code})`}`
  if (state === 'failed') throw new CallError('OPERATION_FAILED', { id, reason: why })
  if (state === 'warnings') throw new CallError('OPERATION_WARNINGS', { id, reason: why })
  if (state === 'cancelled') throw new CallError('OPERATION_CANCELLED', { id })
}

function describe({ kind, state, progress }: Operation): string {
  return [`${kind}: ${state}`, ...(progress ? [describeProgress(progress)] : [])].join(', ')
}

function describeProgress({ step, done, total, unit }: Progress): string {
  const amount = (value: number) => (unit === 'bytes' ? formatBytes(value) : `${value} ${unit ?? ''}`.trim())
  const parts = [
    ...(step === undefined ? [] : [step]),
    ...(done === undefined ? [] : [amount(done)]),
    ...(done === undefined || total === undefined ? [] : [`of ${amount(total)}`, formatPercent(done, total)]),
  ]
  return parts.join(' ')
}
