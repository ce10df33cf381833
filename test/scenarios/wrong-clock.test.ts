import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { Business, snapshotOf } from '../helpers/business-of-one.ts'
import type { Operation } from '../helpers/business-of-one.ts'
import { serveIn } from '../helpers/serving.ts'

/** D5 of the failure cases: the clock of the server's machine is set wrong, and set right again. */

const year = 365 * 86_400_000

interface Alert {
  readonly key: string
  readonly severity: string
  readonly sentence: string
}

/** The server's process ends, and another one is there, whose machine's clock is wrong by so much. */
async function restart(business: Business, shift: number): Promise<void> {
  business.serving.command.kill('SIGTERM')
  await business.serving.command.result
  const preload = new URL('../helpers/shifted-time.ts', import.meta.url).href
  const env = shift === 0 ? {} : { NODE_OPTIONS: `--import=${preload}`, UNDERSTUDY_TEST_SHIFT: String(shift) }
  business.serving = await serveIn(env, business.folder.join('server'), business.port)
}

test('a server whose clock is years wrong removes nothing and says that its clock is wrong; its machine backs up all the while', async () => {
  await using business = await Business.open()
  const { folder } = business
  await mkdir(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'one')
  const policy = await business.policy({ what: { include: [folder.join('files')] }, keep: { last: 1 } })
  business.startAgent()
  snapshotOf(await business.backUp(policy))
  const repository =
    readdirSync(folder.join('server', 'repositories')).find((name) => /^[0-9a-f-]{36}$/.test(name)) ?? ''
  const stored = () => readdirSync(folder.join('server', 'repositories', repository, 'snapshots')).length

  await business.stopAgent()
  await restart(business, 3 * year)
  business.startAgent()
  snapshotOf(await business.backUp(policy))
  const { id } = await business.ask<Operation>(`/api/repositories/${repository}/retention`, {})
  assert.equal((await business.ended(id)).code, 'CLOCK_DOUBTED')
  assert.equal(stored(), 2, 'although one is to be kept')
  let said: Alert | undefined
  await business.until('the server says that its clock is wrong', async () => {
    said = (await business.ask<Alert[]>('/api/alerts')).find(({ key }) => key === 'clock_wrong/server/server')
    return said !== undefined
  })
  assert.equal(said?.severity, 'critical')
  assert.match(said?.sentence ?? '', /1,095 days ahead of those of the machines/)

  await business.stopAgent()
  await restart(business, 0)
  business.startAgent()
  snapshotOf(await business.backUp(policy))
  await business.until('the alert is over', async () => {
    const alerts = await business.ask<Alert[]>('/api/alerts')
    return !alerts.some(({ key }) => key === 'clock_wrong/server/server')
  })
})
