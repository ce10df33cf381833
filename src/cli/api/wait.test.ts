import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { operationSchema } from '#protocol'
import type { z } from 'zod'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { Printer } from '../printer.ts'
import { Terminal } from '../terminal.ts'
import { CallError } from './errors.ts'
import { refuseBadEnd, waitForEnd } from './wait.ts'

type Operation = z.output<typeof operationSchema>

const first: Operation = {
  id: 'b0000000-0000-4000-8000-000000000001',
  clientId: null,
  machineId: null,
  kind: 'backup',
  state: 'waiting',
  order: {},
  progress: null,
  result: null,
  reason: null,
  code: null,
  requestedBy: 'x',
  createdAt: '2026-01-01T00:00:00.000Z',
  runAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  endedAt: null,
  cancelAsked: false,
}

const ended = (state: Operation['state']): Operation => ({ ...first, state, endedAt: '2026-01-01T00:01:00.000Z' })

function view() {
  const drawn: string[] = []
  const out = { isTTY: true, columns: 80, on: () => undefined, write: (text: string) => (drawn.push(text), true) }
  const printer = new Printer(new Terminal(out, out), { verbosity: 1, json: false })
  return { drawn, printer }
}

const away = new CallError('SERVER_NOT_REACHED', { url: 'http://x', reason: 'gone' })

test('it is asked until the end, and shown how far it is', async () => {
  const { printer, drawn } = view()
  const progress = { step: 'reading', done: 1024, total: 2048, unit: 'bytes' as const }
  const answers = [{ ...first, state: 'running' as const, progress }, ended('done')]
  const fetch = () => Promise.resolve(answers.shift() as Operation)
  const clock = new SettableClock()
  const { state } = await waitForEnd(first, fetch, { printer, signal: new AbortController().signal, clock })
  assert.equal(state, 'done')
  assert.match(drawn.join(''), /backup: waiting.*backup: running, reading 1.0+ KiB of 2.0+ KiB 50.00%/s)
})

test('what an operation waits for is said once, also where nobody watches', async () => {
  const printed: string[] = []
  const out = { isTTY: false, columns: 80, on: () => undefined, write: (text: string) => (printed.push(text), true) }
  const printer = new Printer(new Terminal(out, out), { verbosity: 1, json: false })
  const setAside = { ...first, progress: { step: 'waiting for a yes on the machine' } }
  const answers = [setAside, setAside, ended('done')]
  const fetch = () => Promise.resolve(answers.shift() as Operation)
  const clock = new SettableClock()
  await waitForEnd(first, fetch, { printer, signal: new AbortController().signal, clock })
  assert.deepEqual(printed, ['backup: waiting for a yes on the machine\n'])
})

test('a server that is away for a while is waited for, but not for ever', async () => {
  const { printer } = view()
  const clock = new SettableClock()
  const { signal } = new AbortController()
  let asked = 0
  const returns = () => (++asked < 100 ? Promise.reject(away) : Promise.resolve(ended('done')))
  assert.equal((await waitForEnd(first, returns, { printer, signal, clock })).state, 'done')
  const never = () => Promise.reject(away)
  await assert.rejects(waitForEnd(first, never, { printer, signal, clock }), { code: 'SERVER_NOT_REACHED' })
})

test('who interrupts it waits no longer', async () => {
  const { printer } = view()
  const abort = new AbortController()
  const fetch = () => {
    abort.abort(new Error('enough'))
    return Promise.resolve(first)
  }
  await assert.rejects(
    waitForEnd(first, fetch, { printer, signal: abort.signal, clock: new SettableClock() }),
    /enough/,
  )
})

test('how it ended is the exit code', () => {
  const codeOf = (state: Operation['state']) => {
    try {
      refuseBadEnd({ ...ended(state), reason: 'Two files could not be read.', code: 'X' })
      return 0
    } catch (thrown) {
      return (thrown as CallError).exitCode
    }
  }
  assert.deepEqual((['done', 'warnings', 'failed', 'cancelled'] as const).map(codeOf), [0, 3, 1, 1])
})
