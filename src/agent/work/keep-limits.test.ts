import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Clock } from '#base'
import type { BackupPolicy } from '#policy'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { until } from '../../../test/helpers/until.ts'
import { AgentFolder } from '../state.ts'
import { keepLimits } from './keep-limits.ts'

const policy = (limits: NonNullable<BackupPolicy['limits']>): BackupPolicy => ({
  name: 'Office',
  what: { include: ['/srv'] },
  when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
  keep: { daily: 7 },
  to: { repository: 'own' },
  limits,
})

/** Sleeps until the test says what time it is. */
class Hand implements Clock {
  wall: number
  #wake = Promise.withResolvers<void>()

  constructor(wall: number) {
    this.wall = wall
  }

  now(): number {
    return this.wall
  }

  monotonic(): number {
    return this.wall
  }

  turn(to: string): void {
    this.wall = Date.parse(to)
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  async sleep(milliseconds: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    signal?.throwIfAborted()
    if (milliseconds <= 0) return
    const ended = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => ended.reject(signal.reason))
    await Promise.race([this.#wake.promise, ended.promise])
  }
}

test('limits that never change are flags; none are no flags', async () => {
  await using folder = await tempFolder()
  const work = { folder: new AgentFolder(folder.path), now: 0 }
  await using kept = await keepLimits(policy({ upload: 500, download: 0 }), work)
  assert.deepEqual(kept.flags, ['--limit-upload', '500'])
  await using none = await keepLimits(policy({}), work)
  assert.deepEqual(none.flags, [])
})

test('a run that lasts is held to the limits of each hour; a pause comes down to a trickle', async () => {
  await using folder = await tempFolder()
  const clock = new Hand(Date.parse('2026-03-10T07:30:00Z'))
  const hours = [
    { from: '08:00', to: '12:00', upload: 200 },
    { from: '12:00', to: '13:00', upload: 0 },
  ]
  const work = { folder: new AgentFolder(folder.path), now: clock.now() }
  await using kept = await keepLimits(policy({ upload: 900, hours }), work, clock)
  const [flag, file] = kept.flags
  assert.equal(flag, '--limit-file')
  const says = () => readFileSync(file as string, 'utf8')
  assert.equal(says(), '{"upload":900}')
  clock.turn('2026-03-10T08:00:00Z')
  await until(() => says() === '{"upload":200}')
  clock.turn('2026-03-10T12:00:00Z')
  await until(() => says() === '{"upload":1}')
  clock.turn('2026-03-10T13:00:00Z')
  await until(() => says() === '{"upload":900}')
})
